import type { z } from 'zod';
import { currency, cursorSecret, delay, serviceConfig } from '#platform/config.ts';

export const orderConfig = serviceConfig.extend({
  CURSOR_SECRET: cursorSecret,
  CURRENCY: currency,
  ORDER_PROCESSING_DELAY_MS: delay.default(5000).describe('Milliseconds from confirmed to processing'),
  ORDER_SHIPPED_DELAY_MS: delay.default(10_000).describe('Milliseconds from processing to shipped'),
  ORDER_DELIVERED_DELAY_MS: delay.default(15_000).describe('Milliseconds from shipped to delivered'),
});

export type OrderConfig = z.output<typeof orderConfig>;
