/** op_id of a product's head row: the product itself and its stock. */
export const HEAD = '00000000-0000-0000-0000-000000000000';
