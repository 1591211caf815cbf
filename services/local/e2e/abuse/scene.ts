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
