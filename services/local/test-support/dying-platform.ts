import type { Database } from '#platform/cassandra/database.ts';
import type { ServiceClient } from '#platform/client/service-client.ts';
import type { Platform } from '#platform/service.ts';

/** Where a process dies: at its nth effect, either before it happens or after it has happened but before its result is known. */
export interface Death {
  readonly effect: number;
  readonly when: 'before' | 'after';
}

/** A dead process does nothing more. */
class Dead extends Error {}

export interface DyingPlatform extends Platform {
  /** Effects so far: queries and calls, in order. */
  readonly effects: string[];
  isDead(): boolean;
  /** Counts effects from here on: those of its start aren't part of the request that is tested. */
  arm(): void;
}

/**
 * The platform of a process that dies exactly there, as if it were killed: every query and every call counts as an effect, and none happens
 * after the death. Without a death it only counts.
 */
export function dyingPlatform(platform: Platform, death?: Death): DyingPlatform {
  const effects: string[] = [];
  let armed = false;
  let dead = false;

  async function effect<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    if (!armed) return work();
    if (dead) throw new Dead();
    effects.push(name);
    const isLast = effects.length === death?.effect;
    if (isLast) dead = true;
    if (isLast && death?.when === 'before') throw new Dead();
    const result = await work();
    if (dead) throw new Dead();
    return result;
  }

  const { database } = platform;
  const dying: Database = {
    ...database,
    read: (name, ...rest) => effect(name, () => database.read(name, ...rest)),
    write: (name, ...rest) => effect(name, () => database.write(name, ...rest)),
    writeTogether: (name, ...rest) => effect(name, () => database.writeTogether(name, ...rest)),
    conditional: (name, ...rest) => effect(name, () => database.conditional(name, ...rest)),
  };
  return {
    ...platform,
    database: dying,
    clientOf(target) {
      const client = platform.clientOf(target);
      const call: ServiceClient['call'] = (request) => effect(`${target} ${request.path}`, () => client.call(request));
      return { ...client, call };
    },
    effects,
    isDead: () => dead,
    arm() {
      armed = true;
    },
  };
}
