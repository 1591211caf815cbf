import type { RunningStore } from '../running-store.ts';
import { type Operation, readOperations } from './operations.ts';
import { meetPeople, type People } from './people.ts';

/** What all abuse begins with. */
export interface Scene {
  readonly people: People;
  readonly operations: readonly Operation[];
}

export async function setScene(running: RunningStore): Promise<Scene> {
  const [people, operations] = await Promise.all([meetPeople(running), readOperations(running.store.baseUrl)]);
  return { people, operations };
}

/**
 * Does `work` for each operation: one after the other in each service, since two that change the same thing at once may be a 503, and so
 * may passwords that wait for each other.
 */
export async function byService(
  operations: readonly Operation[],
  work: (operation: Operation) => Promise<void>,
): Promise<void> {
  // An order takes what is in the cart: these two count as one.
  const services = Object.values(Object.groupBy(operations, ({ service }) => (service === 'cart' ? 'order' : service)));
  const ends = await Promise.allSettled(
    services.map(async (itsOperations) => {
      for (const operation of itsOperations) await work(operation);
    }),
  );
  // Only now, when none of them is still at work.
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
