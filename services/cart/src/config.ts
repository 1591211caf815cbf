import type { z } from 'zod';
import { currency, serviceConfig } from '#platform/config.ts';

export const cartConfig = serviceConfig.extend({ CURRENCY: currency });

export type CartConfig = z.output<typeof cartConfig>;
