import type { z } from 'zod';
import { currency, cursorSecret, serviceConfig } from '#platform/config.ts';

export const productConfig = serviceConfig.extend({ CURSOR_SECRET: cursorSecret, CURRENCY: currency });

export type ProductConfig = z.output<typeof productConfig>;
