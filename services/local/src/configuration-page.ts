import type { z } from 'zod';
import { serviceConfig } from '#platform/config.ts';
import { cartConfig } from '../../cart/src/config.ts';
import { orderConfig } from '../../order/src/config.ts';
import { productConfig } from '../../product/src/config.ts';
import { userConfig } from '../../user/src/config.ts';
import { storeEnvironment } from './settings.ts';

const HEAD = `# Configuration

Made from the schemas of the settings by \`npm run generate\`: change those, not this. All settings are read from the environment. What can't be used is refused at the start, all faults at once.

## Of the whole store

For \`npm start\`, and from a file \`.env\` for Docker ([which of them](docker.md#settings)).`;

const SERVICES = `## Of each service

Whoever runs a service by itself gives it these; \`npm start\` and Docker do so. Any may come from a file: \`CASSANDRA_PASSWORD_FILE=/run/secrets/x\` stands for \`CASSANDRA_PASSWORD\`. With \`NODE_ENV=production\`
[some have no default](operations.md#production-mode).`;

/** Text of docs/pages/configuration.md. */
export function toConfigurationPage(): string {
  const own = { product: productConfig, cart: cartConfig, order: orderConfig, user: userConfig };
  const common = Object.keys(serviceConfig.shape);
  const parts = Object.entries(own).flatMap(([name, { shape }]) => {
    const more = Object.entries(shape).filter(([setting]) => !common.includes(setting));
    return more.length === 0 ? [] : [`### The ${name} service's own`, toTable(more)];
  });
  const tables = [
    toTable(Object.entries(storeEnvironment.shape)),
    SERVICES,
    toTable(Object.entries(serviceConfig.shape)),
  ];
  return `${[HEAD, ...tables, ...parts].join('\n\n')}\n`;
}

function toTable(settings: readonly (readonly [string, z.ZodType])[]): string {
  const rows = settings.map(([name, schema]) => `| \`${name}\` | ${toDefault(schema)} | ${schema.description ?? ''} |`);
  return ['| setting | default | |', '| --- | --- | --- |', ...rows].join('\n');
}

function toDefault(schema: z.ZodType): string {
  const { success, data } = schema.safeParse(undefined);
  if (!success) return 'needed';
  const text = data === undefined ? '' : String(data);
  return text === '' ? '–' : `\`${text}\``;
}
