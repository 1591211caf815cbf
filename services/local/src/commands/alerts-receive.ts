import { receiveNotifications } from '../alerts/notifications.ts';
import { runCommand } from '../run-command.ts';
import { innerPorts, readSettings } from '../settings.ts';

const HELP = `npm run alerts:receive: shows what Alertmanager sends, a line for each alert, until Ctrl-C. It is an example of a receiver: see
monitoring/alertmanager/alertmanager.yml. INNER_PORT_OFFSET is read as by \`npm start\`.
`;

await runCommand({ help: HELP }, async () => {
  const { alertReceiver } = innerPorts(readSettings(process.env).innerPortOffset);
  await receiveNotifications(alertReceiver, ({ receiver, status, labels, annotations }) => {
    const { alertname = '' } = labels;
    const text = `${annotations.summary} ${annotations.description}`;
    console.log(`${new Date().toISOString()}  ${receiver.padEnd(8)}  ${status.padEnd(8)}  ${alertname}: ${text}`);
  });
  console.log(`Listening on port ${alertReceiver}.`);
});
