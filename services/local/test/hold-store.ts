import { startStore } from '../src/store.ts';

/** Starts a store with the settings in its argument, reports that, and waits to be killed. */
const store = await startStore(JSON.parse(process.argv[2] ?? ''));
process.stdout.write(`${JSON.stringify({ product: store.services.product[0]?.pid, nginx: store.gateway.pid })}\n`);
setInterval(() => undefined, 1000);
