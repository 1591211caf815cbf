import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { readConfig } from '#platform/config.ts';
import { cartConfig } from '../../cart/src/config.ts';
import { orderConfig } from '../../order/src/config.ts';
import { productConfig } from '../../product/src/config.ts';
import { userConfig } from '../../user/src/config.ts';
import { newPassword } from '../test-support/cassandra.ts';

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly { readonly source: string; readonly target: string }[];
}

const NODES = ['cassandra', 'cassandra-2', 'cassandra-3'];
const CERTIFICATES = { source: 'certificates', target: '/tls' };

test('the example with three nodes is valid: each node has its own data, and the services have all that production requires', (context) => {
  const files = ['-f', 'docker-compose.yml', '-f', 'docker-compose.three-nodes.yml'];
  const { status, stdout, stderr, error } = spawnSync('docker', ['compose', ...files, 'config', '--format', 'json'], {
    cwd: `${import.meta.dirname}/../../..`,
    encoding: 'utf8',
  });
  if (error || /is not a docker command|unknown shorthand flag/.test(stderr)) return context.skip('no Docker Compose');
  assert.equal(status, 0, stderr);
  const { services } = JSON.parse(stdout) as { services: Record<string, Service> };
  const mounts = (name: string) =>
    (services[name]?.volumes ?? []).map(({ source, target }) => ({ source, target: target.replace(/\/$/, '') }));

  for (const node of NODES) {
    const data = node === 'cassandra' ? 'cassandra-data' : `${node}-data`;
    assert.deepEqual(
      mounts(node).filter(({ target }) => target === '/var/lib/cassandra' || target === '/tls'),
      [{ source: data, target: '/var/lib/cassandra' }, CERTIFICATES],
    );
    assert.equal(services[node]?.environment.NODE, node);
  }
  for (const job of ['init', 'migrate', 'seed'])
    assert.equal(services[job]?.environment.CASSANDRA_NODES, NODES.join(','));

  for (const [name, schema] of Object.entries({
    product: productConfig,
    cart: cartConfig,
    order: orderConfig,
    user: userConfig,
  })) {
    assert.ok(mounts(name).some(({ source, target }) => source === 'certificates' && target === '/tls'));
    const { CASSANDRA_TLS_CA_FILE: authority, ...environment } = services[name]?.environment ?? {};
    assert.equal(authority, '/tls/authority.pem');
    const secrets = { CASSANDRA_PASSWORD: newPassword(), CURSOR_SECRET: newPassword() };
    const config = readConfig(schema, { ...environment, ...secrets });
    assert.equal(config.NODE_ENV, 'production');
    assert.deepEqual(
      config.CASSANDRA_CONTACT_POINTS,
      NODES.map((node) => `${node}:9042`),
    );
  }
});
