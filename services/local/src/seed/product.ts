import type { Category } from '../../../product/src/categories/category.ts';
import { createDraws, type Draws } from './random.ts';
import { DEPARTMENTS, type Department, SERIES, type Shelf } from './taxonomy.ts';

/** A product as it is when it is created. */
export interface SeedProduct {
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  readonly brand: string;
  /** Slug of its category. */
  readonly category: string;
  readonly priceMinor: number;
  readonly images: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  /** Initial units. */
  readonly stock: number;
  readonly createdAt: Date;
}

/** Seeded products are up to a year older than this, so whatever the shop itself creates is newer. */
const LATEST = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 24 * 3600 * 1000;
const STEP_RATIO = 0.618;

const SHELVES = DEPARTMENTS.flatMap((department) =>
  department.aisles.flatMap(({ shelves }) => shelves.map((shelf) => ({ shelf, department }))),
);

/** Consecutive products go to so many different shelves in turn. */
export const SHELF_COUNT = SHELVES.length;

/** All categories of the seeded catalogue: departments, aisles and shelves. */
export function seedCategories(): Category[] {
  const toCategory = ({ slug, name }: { slug: string; name: string }, ...parents: string[]): Category => ({
    slug,
    name,
    path: [...parents, slug].join('/'),
    version: 1,
  });
  return DEPARTMENTS.flatMap((department) => [
    toCategory(department),
    ...department.aisles.flatMap((aisle) => [
      toCategory(aisle, department.slug),
      ...aisle.shelves.map((shelf) => toCategory(shelf, department.slug, aisle.slug)),
    ]),
  ]);
}

/** Product number `index`, from 0, of the catalogue generated from `seed`: always the same, on every machine. */
export function seedProduct(seed: number, index: number): SeedProduct {
  const place = SHELVES[index % SHELVES.length] as (typeof SHELVES)[number];
  const { shelf } = place;
  const draws = createDraws(seed, index);
  const { brand, series, noun, variant, name } = nameOf(seed, place, Math.floor(index / SHELVES.length));
  const sku = `${shelf.code}-${seed}-${String(index).padStart(7, '0')}`;
  const images = Array.from(
    { length: 1 + draws.integer(4) },
    (_, view) => `https://images.example/${shelf.slug}/${sku.toLowerCase()}-${view + 1}.jpg`,
  );
  return {
    sku,
    name,
    description: describe(draws, shelf, { brand, series, noun }),
    brand,
    category: shelf.slug,
    priceMinor: toPrice(draws, shelf),
    images,
    attributes: toAttributes(draws, shelf, variant),
    stock: toStock(draws),
    createdAt: new Date(LATEST - 1 - draws.integer(YEAR_MS)),
  };
}

/**
 * Gives product number `number` of a shelf a name that is unique there: goes through all combinations of the shelf's words in strides that
 * meet each of them once, then begins again with the next edition.
 */
function nameOf(seed: number, { shelf, department }: { shelf: Shelf; department: Department }, number: number) {
  const { brands } = department;
  const { kinds, nouns, variants } = shelf;
  const size = brands.length * SERIES.length * kinds.length * nouns.length * variants.length;
  const start = createDraws(seed, shelf.code.charCodeAt(0), shelf.code.charCodeAt(1), shelf.code.charCodeAt(2)).integer(
    size,
  );
  let rest = (start + (number % size) * strideThrough(size)) % size;
  const take = (words: readonly string[]) => {
    const word = words[rest % words.length] as string;
    rest = Math.floor(rest / words.length);
    return word;
  };
  const brand = take(brands);
  const variant = take(variants);
  const kind = take(kinds);
  const series = take(SERIES);
  const noun = take(nouns);
  const edition = Math.floor(number / size) + 1;
  const name = `${brand} ${series} ${kind} ${noun}, ${variant}${edition > 1 ? `, Edition ${edition}` : ''}`;
  return { brand, series, noun, variant, name };
}

/** A stride coprime to `size`, at about its golden section, so that consecutive combinations are far apart. */
function strideThrough(size: number): number {
  let stride = Math.max(1, Math.round(size * STEP_RATIO));
  while (greatestDivisor(stride, size) !== 1) stride += 1;
  return stride;
}

function greatestDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestDivisor(right, left % right);
}

function describe(
  draws: Draws,
  { purpose, features }: Shelf,
  words: { brand: string; series: string; noun: string },
): string {
  const { brand, series, noun } = words;
  const first = draws.integer(features.length);
  const second = (first + 1 + draws.integer(features.length - 1)) % features.length;
  const opening = draws.pick([
    `${brand} made the ${series} ${noun} for ${purpose}.`,
    `The ${series} ${noun} by ${brand} is made for ${purpose}.`,
    `For ${purpose}: the ${series} ${noun} from ${brand}.`,
  ]);
  return `${opening} ${features[first]}. ${features[second]}.`;
}

/** Cheap products are more common than expensive ones; every price ends in 99. */
function toPrice(draws: Draws, { prices: [lowest, highest] }: Shelf): number {
  const whole = Math.round(lowest * (highest / lowest) ** draws.fraction());
  return whole * 100 - 1;
}

function toAttributes(draws: Draws, shelf: Shelf, variant: string): Record<string, string> {
  const drawn = Object.entries(shelf.attributes).map(([name, values]) => [name, draws.pick(values)]);
  return { [shelf.variantOf]: variant, ...Object.fromEntries(drawn) };
}

/** About 3 in 100 are sold out, 7 nearly, and the rest have 20 to 500. */
function toStock(draws: Draws): number {
  const fortune = draws.fraction();
  if (fortune < 0.03) return 0;
  return fortune < 0.1 ? 1 + draws.integer(19) : 20 + draws.integer(481);
}
