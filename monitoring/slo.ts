import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const milliseconds = z.number().int().positive();

const sloFile = z.strictObject({
  /** The period of the error budget. */
  window: z.literal('30d'),
  /** A service is slow if its p99 is above this, not counting the class `auth`: that hashes passwords and has its own p99. */
  highP99Ms: milliseconds,
  classes: z.record(
    z.enum(['browse', 'product', 'cart', 'checkout', 'auth']),
    z.strictObject({
      /** As the OpenAPI documents write them; `job` is the service. */
      routes: z
        .array(z.strictObject({ job: z.string(), method: z.string(), path: z.string().startsWith('/api/') }))
        .nonempty(),
      p95Ms: milliseconds,
      p99Ms: milliseconds,
      /** The share of requests that don't get a 5xx response. */
      availability: z.number().gt(0).lt(1),
    }),
  ),
});

export type Slo = z.output<typeof sloFile>;
export type SloClass = Slo['classes'][keyof Slo['classes']];
export type SloRoute = SloClass['routes'][number];

/** What the store promises for each class of requests; throws if `slo.json` is invalid. */
export function readSlo(): Slo {
  return sloFile.parse(JSON.parse(readFileSync(path.join(import.meta.dirname, 'slo.json'), 'utf8')));
}
