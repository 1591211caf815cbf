import { validationFailed } from '#platform/errors.ts';

/** What an admin decides about a product. */
export interface ProductFacts {
  readonly name: string;
  readonly description?: string | undefined;
  readonly brand?: string | undefined;
  /** Slug of its category. */
  readonly category: string;
  readonly priceMinor: number;
  readonly images: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
}

/** A product, as its head row holds it. */
export interface Product extends ProductFacts {
  readonly id: string;
  readonly sku: string;
  readonly currency: string;
  readonly available: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A product with what only writers need. */
export interface ProductRecord extends Product {
  readonly isActive: boolean;
  readonly listingVersion: number;
}

/** What a cart or a checkout needs to know about a product today. */
export interface Offer {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly image: string | undefined;
  readonly priceMinor: number;
  readonly currency: string;
  readonly available: number;
}

export interface Price {
  /** Minor units. */
  readonly amount: number;
  readonly currency: string;
}

/** A merge patch (RFC 7396): an absent field stays, null clears it, objects are merged. */
export interface ProductPatch {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly brand?: string | null | undefined;
  readonly category?: string | undefined;
  readonly price?: { readonly amount?: number | undefined; readonly currency?: string | undefined } | undefined;
  readonly images?: readonly string[] | null | undefined;
  readonly attributes?: Readonly<Record<string, string | null>> | null | undefined;
}

export const MAX_ATTRIBUTES = 50;

/** The product's facts after the patch. Throws `validation_failed` for another currency or too many attributes. */
export function applyPatch(product: Product, patch: ProductPatch): ProductFacts {
  const { name = product.name, category = product.category, price = {} } = patch;
  const { amount = product.priceMinor, currency = product.currency } = price;
  assertCurrency(currency, product.currency);
  return {
    name,
    category,
    priceMinor: amount,
    description: patched(product.description, patch.description),
    brand: patched(product.brand, patch.brand),
    images: patched(product.images, patch.images) ?? [],
    attributes: patchedAttributes(product.attributes, patch.attributes),
  };
}

/** True when the product already has these facts. */
export function isSame(product: Product, facts: ProductFacts): boolean {
  return JSON.stringify(toFields({ ...product, ...facts })) === JSON.stringify(toFields(product));
}

/** Throws `validation_failed` unless the price is in the shop's one currency. */
export function assertCurrency(currency: string, ours: string): void {
  if (currency === ours) return;
  throw validationFailed([{ pointer: '/price/currency', detail: `The shop's currency is ${ours}.` }]);
}

function patched<Value>(before: Value | undefined, patch: Value | null | undefined): Value | undefined {
  return patch === undefined ? before : (patch ?? undefined);
}

function patchedAttributes(before: Product['attributes'], patch: ProductPatch['attributes']): Product['attributes'] {
  const merged = Object.entries(patch === null ? {} : { ...before, ...patch });
  const kept = merged.filter((entry): entry is [string, string] => entry[1] !== null);
  if (kept.length <= MAX_ATTRIBUTES) return Object.fromEntries(kept);
  throw validationFailed([{ pointer: '/attributes', detail: `At most ${MAX_ATTRIBUTES} attributes.` }]);
}

/** The product's facts under their API names, for the audit log. */
export function toFields(product: Product): Readonly<Record<keyof ProductPatch | 'sku', unknown>> {
  const { sku, name, description = null, brand = null, category, images, attributes } = product;
  const price = { amount: product.priceMinor, currency: product.currency };
  return { sku, name, description, brand, category, price, images, attributes };
}

/** The fields that the patch names. */
export function pickPatched(fields: ReturnType<typeof toFields>, patch: ProductPatch): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => name in patch));
}
