import { once } from 'node:events';
import { openDataDir } from '../src/data-dir.ts';

/** Reports that it has started, takes the folder in its argument on request, reports whether that succeeded, and waits to be killed. */
process.stdout.write('there\n');
await once(process.stdin, 'data');
const said = await openDataDir(process.argv[2] ?? '', { needsSpace: false }).then(
  () => 'has it',
  (error: Error) => error.message,
);
process.stdout.write(`${said}\n`);
setInterval(() => undefined, 1000);
