const IN_FLIGHT = 16;

/** Does the work as it comes, 16 pieces at once: nothing is made before its turn. The first failure is thrown. */
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
