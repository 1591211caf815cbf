import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

const milliseconds = z.number().int().positive();

const sloFile = z.strictObject({
  /** Over which the error budget is counted. */
  window: z.literal('30d'),
  /** A service whose p99 is over this is slow, whatever is asked of it; `auth`, which hashes passwords, has its own p99 for that. */
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
      /** Share of requests that aren't answered with 5xx. */
      availability: z.number().gt(0).lt(1),
    }),
  ),
});

export type Slo = z.output<typeof sloFile>;
export type SloClass = Slo['classes'][keyof Slo['classes']];
export type SloRoute = SloClass['routes'][number];

/** What the store promises each kind of request; throws when `slo.json` isn't what it should be. */
export function readSlo(): Slo {
  return sloFile.parse(JSON.parse(readFileSync(path.join(import.meta.dirname, 'slo.json'), 'utf8')));
}
