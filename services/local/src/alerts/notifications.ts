import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { z } from 'zod';
import { StartError } from '../start-error.ts';

/** The fields we read of Alertmanager's webhook: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config */
const webhook = z.object({
  receiver: z.string(),
  alerts: z.array(
    z.object({
      status: z.enum(['firing', 'resolved']),
      labels: z.record(z.string(), z.string()),
      annotations: z.record(z.string(), z.string()),
    }),
  ),
});

/** About one alert. */
export interface Notification {
  /** `page`, `ticket` or `dead-man`, as in monitoring/alertmanager/alertmanager.yml. */
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Listens for Alertmanager on loopback. Throws StartError when the port is taken. */
export async function receiveNotifications(port: number, onNotification: (one: Notification) => void): Promise<Server> {
  const server = createServer(async (request, response) => {
    response.statusCode = await readWebhook(request).then(
      ({ receiver, alerts }) => {
        for (const alert of alerts) onNotification({ receiver, ...alert });
        return 204;
      },
      () => 400,
    );
    response.end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    throw new StartError(`Can't listen on port ${port}, to which Alertmanager sends (${cause.code}).`, { cause });
  });
  return server;
}

async function readWebhook(request: IncomingMessage) {
  return webhook.parse(await json(request));
}
