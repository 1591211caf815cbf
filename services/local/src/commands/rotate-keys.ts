import path from 'node:path';
import { isStore } from '../data-dir.ts';
import { rotateUserKeys } from '../keys.ts';
import { runCommand } from '../run-command.ts';
import { readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';

const HELP = `npm run keys:rotate: rotates the keys that sign access tokens, of the store in DATA_DIR (default .store).

The key published as the next one signs from the next start on, the old one verifies until its last token has expired, and a new next key
is published. Restart the services afterwards (npm run restart), before the next rotation. Nobody is signed out.
`;

await runCommand({ help: HELP }, async () => {
  const { dataDir } = readSettings(process.env);
  if (!(await isStore(dataDir)))
    throw new StartError(`There is no store in ${dataDir}: its first start makes the keys.`);
  const { signs, next } = await rotateUserKeys(path.join(dataDir, 'keys'));
  console.log(
    `${signs} signs once the services are restarted; ${next} is the next key. Restart them now: npm run restart`,
  );
});
