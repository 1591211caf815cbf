import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { ConfigError, cursorSecret, readConfig, serviceConfig } from '#platform/config.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** What is given in quotes to a name that says it is secret. */
const QUOTED = /(?:\w*(?:secret|password|passphrase)\w*['"]?\s*[:=]\s*|createCursorCodec\(\s*)(['"`])([^\n]+?)\1/gi;
/** The same without quotes, in settings and scripts. */
const BARE = /^[ \t-]*(?:export )?\w*(?:SECRET|PASSWORD)\w*[ \t]*[:=][ \t]*([^'"`\s][^\n]*)$/gim;

const schema = serviceConfig.extend({ CURSOR_SECRET: cursorSecret });
const secret = 'W8v1hRzK0bTn5yQf3mXc7pLd9sGj2aEu';
const production = {
  NODE_ENV: 'production',
  HOST: '10.0.0.7',
  PORT: '8000',
  CASSANDRA_CONTACT_POINTS: 'cassandra-1:9042,cassandra-2:9042',
  CASSANDRA_LOCAL_DATACENTER: 'datacenter1',
  CASSANDRA_KEYSPACE: 'product',
  CASSANDRA_USERNAME: 'product',
  CASSANDRA_PASSWORD: `${secret}1`,
  CURSOR_SECRET: `${secret}2`,
  PRODUCT_URL: 'http://product:8000',
  CART_URL: 'http://cart:8000',
  ORDER_URL: 'http://order:8000',
  USER_URL: 'http://user:8000',
  SERVICE_KEY_FILE: '/secrets/service-key.json',
  SERVICE_KEYS_FILE: '/secrets/services.json',
  USER_KEYS_FILE: '/secrets/users.json',
};

/** The lines of the refusal, without its headline. */
function faultsOf(environment: Record<string, string | undefined>): string[] {
  try {
    readConfig(schema, environment);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.split('\n').slice(1);
  }
}

function listGivenSecrets(): { file: string; value: string }[] {
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);
  return files.flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const quoted = [...text.matchAll(QUOTED)].map((match) => match[2]);
    const bare = /\.[cm]?[jt]s$/.test(file) ? [] : [...text.matchAll(BARE)].map((match) => match[1]);
    return [...quoted, ...bare].map((value = '') => ({ file, value: value.trim() }));
  });
}

describe('in production', () => {
  test('a complete configuration is accepted', () => {
    assert.equal(readConfig(schema, production).NODE_ENV, 'production');
  });

  test('weak secrets and missing settings are refused, all at once and without their values', () => {
    const weak = { ...production, HOST: undefined, CASSANDRA_LOCAL_DATACENTER: '', CURSOR_SECRET: 'short-1' };
    assert.deepEqual(faultsOf({ ...weak, CASSANDRA_PASSWORD: 'short-2', CART_URL: undefined }).sort(), [
      '  CART_URL is missing',
      '  CASSANDRA_LOCAL_DATACENTER is missing, and production has no default',
      '  CASSANDRA_PASSWORD: at least 32 characters in production',
      '  CURSOR_SECRET: Too small: expected string to have >=32 characters',
      '  HOST is missing, and production has no default',
    ]);
  });

  test('every secret in a file of the repository is refused', () => {
    const given = listGivenSecrets().filter(({ value }) => value.length >= 32 && !value.includes('$'));
    assert.ok(given.length >= 3, 'the search finds those that are known to be there');
    for (const { file, value } of given) {
      if (value === secret) continue;
      assert.deepEqual(
        faultsOf({ ...production, CURSOR_SECRET: value, CASSANDRA_PASSWORD: value }),
        ['  CASSANDRA_PASSWORD is in the public repository', '  CURSOR_SECRET is in the public repository'],
        `${file} has a secret that KNOWN_SECRETS of platform/src/config.ts doesn't list: ${value}`,
      );
    }
  });

  test('no private key is in the repository', () => {
    const { status, stdout } = spawnSync(
      'git',
      ['grep', '-lIE', '-e', '-----BEGIN [A-Z ]*PRIVATE KEY-----', '-e', '"d": ?"[A-Za-z0-9_-]{20,}"'],
      { cwd: ROOT, encoding: 'utf8' },
    );
    assert.equal(status, 1, stdout);
  });

  test('no service starts with settings that are too weak for production', async () => {
    const env = { NODE_ENV: 'production', CASSANDRA_PASSWORD: 'a secret of the tests that is long enough' };
    const starts = ['product', 'cart', 'order', 'user'].map(async (name) => {
      const error = await promisify(execFile)(process.execPath, [join(ROOT, `services/${name}/src/main.ts`)], {
        env,
      }).then(
        () => assert.fail(`${name} started`),
        (exit: { code: number; stderr: string }) => exit,
      );
      assert.equal(error.code, 78);
      for (const missing of ['HOST', 'CASSANDRA_CONTACT_POINTS', 'CASSANDRA_LOCAL_DATACENTER'])
        assert.match(error.stderr, new RegExp(`^  ${missing} is missing`, 'm'));
      assert.match(error.stderr, /^ {2}CASSANDRA_PASSWORD is in the public repository$/m);
      assert.ok(!error.stderr.includes(env.CASSANDRA_PASSWORD));
    });
    await Promise.all(starts);
  });
});
