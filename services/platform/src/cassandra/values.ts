import { types } from 'cassandra-driver';

/** Reads a bigint column as a number; amounts and counts stay below 2^53. */
export function toNumber(value: types.Long | number): number {
  return typeof value === 'number' ? value : value.toNumber();
}

/** Writes a number into a bigint column or a write timestamp. */
export function toLong(value: number): types.Long {
  return types.Long.fromNumber(value);
}
