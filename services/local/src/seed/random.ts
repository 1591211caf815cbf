/** Pseudo-random numbers, the same for the same seeds on every machine. */
export interface Draws {
  /** A whole number from 0 to `below` - 1. */
  integer(below: number): number;
  /** From 0 up to 1. */
  fraction(): number;
  pick<Item>(items: readonly Item[]): Item;
}

/** mulberry32 (public domain, by Tommy Ettinger) on a mix of `seeds`, whole numbers. */
export function createDraws(...seeds: readonly number[]): Draws {
  let state = seeds.reduce((mixed, seed) => scramble(mixed ^ scramble(seed)), 0x9e3779b9);

  function fraction(): number {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  }
  const integer = (below: number) => Math.floor(fraction() * below);

  return { integer, fraction, pick: (items) => items[integer(items.length)] as (typeof items)[number] };
}

/** The finalizer of MurmurHash3: close seeds give unrelated states. */
function scramble(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
