import type { RunningStore } from '../running-store.ts';
import { type Operation, readOperations } from './operations.ts';
import { meetPeople, type People } from './people.ts';

/** What every abuse test starts with. */
export interface Scene {
  readonly people: People;
  readonly operations: readonly Operation[];
}

export async function setScene(running: RunningStore): Promise<Scene> {
  const [people, operations] = await Promise.all([meetPeople(running), readOperations(running.store.baseUrl)]);
  return { people, operations };
}

/**
 * Does `work` for each operation, one at a time in each service: two that change the same thing at once may get a 503, and so may passwords
 * that queue to be hashed.
 */
export async function byService(
  operations: readonly Operation[],
  work: (operation: Operation) => Promise<void>,
): Promise<void> {
  // An order takes the contents of the cart, so these two count as one service.
  const services = Object.values(Object.groupBy(operations, ({ service }) => (service === 'cart' ? 'order' : service)));
  const ends = await Promise.allSettled(
    services.map(async (itsOperations) => {
      for (const operation of itsOperations) await work(operation);
    }),
  );
  // Not before all of them have ended.
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}
