import { once } from 'node:events';
import { openDataDir } from '../src/data-dir.ts';

/** Says that it is there; takes the folder of its argument once it is told to, says whether it has it, and waits to be killed. */
process.stdout.write('there\n');
await once(process.stdin, 'data');
const said = await openDataDir(process.argv[2] ?? '', { needsSpace: false }).then(
  () => 'has it',
  (error: Error) => error.message,
);
process.stdout.write(`${said}\n`);
setInterval(() => undefined, 1000);
