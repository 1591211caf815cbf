/** The services of the store, in the order in which they are started. */
export const SERVICE_NAMES = ['product', 'cart', 'order', 'user'] as const;

export type ServiceName = (typeof SERVICE_NAMES)[number];
