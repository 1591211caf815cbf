import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { ConfigError, readConfig, type serviceConfig } from './config.ts';
import { drain, listen } from './http/server.ts';
import { createLogger } from './logging.ts';
import { listenForProfiles } from './profiling.ts';
import { createService, type Platform, type ServiceParts } from './service.ts';
import type { ServiceName } from './service-names.ts';
import { startTracing, stopTracing } from './tracing/tracing.ts';

/** How long a start waits for the first revocations; it then goes on without them, as the user service may be down. */
const REVOCATIONS_WITHIN_MS = 2000;
/** EX_CONFIG of sysexits.h. */
const CONFIG_EXIT_CODE = 78;

/** The whole life of a service's process: settings, listening, and an orderly end on SIGTERM or SIGINT. */
export async function runService<Schema extends typeof serviceConfig>(
  name: ServiceName,
  schema: Schema,
  assemble: (platform: Platform, config: z.output<Schema>) => ServiceParts | Promise<ServiceParts>,
): Promise<void> {
  const config = readConfigOrExit(schema);
  const { HOST: host, PORT: port, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: share } = config;
  const logger = createLogger(name, config.LOG_LEVEL);
  if (endpoint) await startTracing({ service: name, instance: `${hostname()}:${port}`, endpoint, share, logger });
  const service = await createService(name, config, assemble, logger);
  service.start();
  await Promise.race([service.revocations.asked, sleep(REVOCATIONS_WITHIN_MS)]);
  const server = await listen(service.app, { host, port });
  listenForProfiles(name, logger);
  logger.info('listening', `${name} listens on ${host}:${port}.`);

  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    logger.info('stopping', `Stopping on ${signal}.`);
    service.refuse();
    await drain(server);
    await service.stop();
    await stopTracing();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function readConfigOrExit<Schema extends z.ZodObject>(schema: Schema): z.output<Schema> {
  try {
    return readConfig(schema, process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(CONFIG_EXIT_CODE);
  }
}
