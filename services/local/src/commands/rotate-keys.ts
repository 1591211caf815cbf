import path from 'node:path';
import { isStore } from '../data-dir.ts';
import { rotateUserKeys } from '../keys.ts';
import { runCommand } from '../run-command.ts';
import { readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';

const HELP = `npm run keys:rotate: changes the key that signs access tokens, of the store in DATA_DIR (default .store).

The key that was published as the next one signs from the next start on, the old one verifies until its last token has ended, and a new
next one is published. Restart the services afterwards (npm run restart), before the next rotation: nobody is signed out by it.
`;

await runCommand({ help: HELP }, async () => {
  const { dataDir } = readSettings(process.env);
  if (!(await isStore(dataDir)))
    throw new StartError(`There is no store in ${dataDir}: its first start makes the keys.`);
  const { signs, next } = await rotateUserKeys(path.join(dataDir, 'keys'));
  console.log(
    `From the next start of the services on ${signs} signs; ${next} is the next one. Restart them now: npm run restart`,
  );
});
