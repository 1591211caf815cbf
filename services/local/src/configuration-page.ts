import type { z } from 'zod';
import { serviceConfig } from '#platform/config.ts';
import { cartConfig } from '../../cart/src/config.ts';
import { orderConfig } from '../../order/src/config.ts';
import { productConfig } from '../../product/src/config.ts';
import { userConfig } from '../../user/src/config.ts';
import { storeEnvironment } from './settings.ts';

const HEAD = `# Configuration

Generated from the schemas of the settings by \`npm run generate\`: change those, not this page. All settings are read from the environment. An unusable value prevents the start; all of them are reported at once.

## The whole store

For \`npm start\`. In Docker, [some of them](docker.md#settings) can be set, also in a file \`.env\`.`;

const SERVICES = `## Each service

You need these only to run a service by itself; \`npm start\` and Docker set them. Any may come from a file: \`CASSANDRA_PASSWORD_FILE=/run/secrets/x\` stands for \`CASSANDRA_PASSWORD\`. With \`NODE_ENV=production\`,
[some have no default](operations.md#production-mode).`;

/** Text of docs/pages/configuration.md. */
export function toConfigurationPage(): string {
  const own = { product: productConfig, cart: cartConfig, order: orderConfig, user: userConfig };
  const common = Object.keys(serviceConfig.shape);
  const parts = Object.entries(own).flatMap(([name, { shape }]) => {
    const more = Object.entries(shape).filter(([setting]) => !common.includes(setting));
    return more.length === 0 ? [] : [`### Only the ${name} service`, toTable(more)];
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
  return ['| setting | default | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

function toDefault(schema: z.ZodType): string {
  const { success, data } = schema.safeParse(undefined);
  if (!success) return 'required';
  const text = data === undefined ? '' : String(data);
  return text === '' ? '–' : `\`${text}\``;
}
