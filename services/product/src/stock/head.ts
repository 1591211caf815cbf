/** op_id of a product's head row: the product itself and how much of it is there. */
export const HEAD = '00000000-0000-0000-0000-000000000000';
