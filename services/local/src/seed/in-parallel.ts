const IN_FLIGHT = 16;

/** Does the work 16 items at a time; an item is generated only when its turn comes. Throws the first failure. */
export async function inParallel(work: Iterable<() => Promise<void>>): Promise<void> {
  const steps = work[Symbol.iterator]();
  let hasFailed = false;
  const doSteps = async () => {
    for (let step = steps.next(); !step.done && !hasFailed; step = steps.next()) {
      await step.value().catch((error: unknown) => {
        hasFailed = true;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, doSteps));
}
