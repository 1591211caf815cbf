/** What the shop sells, as its head row holds it. */
export interface Product {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly description: string | undefined;
  readonly brand: string | undefined;
  /** Slug of its category. */
  readonly category: string;
  readonly priceMinor: number;
  readonly currency: string;
  readonly images: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly available: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What a cart or a checkout needs to know of a product today. */
export interface Offer {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly image: string | undefined;
  readonly priceMinor: number;
  readonly currency: string;
  readonly available: number;
}
