import { KEYSPACES } from '../../../../cassandra/keyspaces.ts';
import { type AuditOptions, type AuditReport, auditStore } from '../audit/audit-store.ts';
import { type OptionValues, runCommand } from '../run-command.ts';
import { readSecrets } from '../secrets.ts';
import { innerPorts, onLoopback, readSettings } from '../settings.ts';
import { StartError } from '../start-error.ts';
import { DATA_CENTER } from '../store/database.ts';
import { toTable } from '../table.ts';

const HELP = `npm run audit: reads the databases of a running store and checks its invariants: nothing lost, nothing sold twice, every sum right.
It changes nothing. Whatever seems wrong is read again before it counts, since the store is running.

  --full               checks every product's listings and every row of them, not a sample
  --journal <file>     also checks that everything acknowledged to clients is there (JSON lines, see services/local/src/audit/journal.ts)
  --grace-seconds <n>  how long work in progress may take (60)

DATA_DIR and INNER_PORT_OFFSET are read as by \`npm start\`; CASSANDRA_CONTACT_POINTS and AUDIT_DB_PASSWORD name another database.
Exits with 0 when every invariant holds, 1 on a violation, 2 when it can't read everything.
`;

const OPTIONS = {
  full: { type: 'boolean', default: false },
  journal: { type: 'string' },
  'grace-seconds': { type: 'string', default: '60' },
} as const;

/** The report for people, in lines. */
export function describeAudit({ checks }: AuditReport): string[] {
  const rows = checks.map(({ id, claim, looked, violationCount }) => [
    id,
    claim,
    looked,
    violationCount === 0 ? 'ok' : `✗ ${violationCount}`,
  ]);
  const broken = checks.filter(({ violationCount }) => violationCount > 0);
  const named = broken.flatMap(({ id, violations, violationCount }) => [
    '',
    `${id}, ${violationCount}${violationCount > violations.length ? `, of which ${violations.length}` : ''}:`,
    ...violations.map((sentence) => `  ${sentence}`),
  ]);
  const sum = broken.reduce((total, { violationCount }) => total + violationCount, 0);
  const verdict = sum === 0 ? 'No violations.' : `${sum} violations of ${broken.length} invariants.`;
  return [...toTable(['', 'claim', 'checked', ''], rows), ...named, '', verdict];
}

async function findDatabase(): Promise<Omit<AuditOptions, 'journal'>> {
  const settings = readSettings(process.env);
  const { rolePasswords } = await readSecrets(settings.dataDir);
  const password = process.env.AUDIT_DB_PASSWORD || rolePasswords?.audit;
  if (password === undefined) {
    throw new StartError(
      `There is no store in ${settings.dataDir}. Start one with \`npm start\`, and use the same DATA_DIR and INNER_PORT_OFFSET here.`,
    );
  }
  const points = process.env.CASSANDRA_CONTACT_POINTS || onLoopback(innerPorts(settings.innerPortOffset).cassandra);
  return {
    contactPoints: points.split(',').map((point) => point.trim()),
    localDataCenter: process.env.CASSANDRA_LOCAL_DATACENTER || DATA_CENTER,
    username: 'audit',
    password,
    keyspaces: KEYSPACES,
  };
}

/** A single line, overwritten each time; only on a terminal. */
function showProgress(output: NodeJS.WriteStream): Pick<AuditOptions, 'onProgress'> & { end(): void } {
  if (!output.isTTY) return { end: () => undefined };
  let shownAt = 0;
  return {
    onProgress(what, looked) {
      if (Date.now() - shownAt < 100) return;
      shownAt = Date.now();
      output.write(`\r\x1b[2K  … ${what}: ${looked}`);
    },
    end: () => void output.write('\r\x1b[2K'),
  };
}

async function main({ full, journal, ...values }: OptionValues<typeof OPTIONS>): Promise<number> {
  const graceSeconds = Number(values['grace-seconds']);
  if (!(graceSeconds >= 0)) throw new StartError('--grace-seconds must be a number of seconds, 0 or more.');
  const database = await findDatabase();
  const { end, ...progress } = showProgress(process.stderr);
  try {
    const report = await auditStore({ ...database, ...progress, full, journal, graceSeconds });
    end();
    console.log(describeAudit(report).join('\n'));
    return report.checks.some(({ violationCount }) => violationCount > 0) ? 1 : 0;
  } catch (error) {
    end();
    throw new StartError(`The audit could not read everything: ${(error as Error).message}`, { cause: error });
  }
}

if (import.meta.main) await runCommand({ help: HELP, options: OPTIONS, failure: 2 }, main);
