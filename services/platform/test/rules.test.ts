import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson, requestHash } from '#platform/canonical-json.ts';
import { ConfigError, delay, readConfig, serviceConfig } from '#platform/config.ts';
import { NotFound } from '#platform/errors.ts';
import { createCursorCodec } from '#platform/http/cursor.ts';
import { createKeyedLimit } from '#platform/keyed-limit.ts';
import { redact } from '#platform/logging.ts';
import { remainingMs, withRequestContext } from '#platform/request-context.ts';
import { newTraceparent } from '#platform/tracing/trace-context.ts';

describe('a cursor', () => {
  const cursors = createCursorCodec('a secret that is long enough, for a test');
  const position = { k: 'ünïcode/+=', i: '0b6f9f2c-6c1c-5d6e-9a57-3f1f6c1d7c11', t: 1_700_000_000_000 };
  const invalid = { code: 'invalid_cursor', status: 400 };

  test('decodes to the position it was made from, and needs no escaping in a URL', () => {
    const cursor = cursors.encode('list a', position);
    assert.deepEqual(cursors.decode('list a', cursor), position);
    assert.match(cursor, /^[\w.-]+$/);
    assert.equal(encodeURIComponent(cursor), cursor);
  });

  test('is refused for another list, with another secret, or with any character changed', () => {
    const cursor = cursors.encode('list a', position);
    assert.throws(() => cursors.decode('list b', cursor), invalid);
    assert.throws(() => createCursorCodec('another secret, just as long as that').decode('list a', cursor), invalid);
    for (let at = 0; at < cursor.length; at += 1) {
      for (const character of 'AB_z.=') {
        if (cursor[at] === character) continue;
        const changed = cursor.slice(0, at) + character + cursor.slice(at + 1);
        assert.throws(() => cursors.decode('list a', changed), invalid, changed);
      }
    }
    for (const garbage of ['', '.', '..', 'null.', `${cursor}.`, `${cursor}=`, ` ${cursor}`]) {
      assert.throws(() => cursors.decode('list a', garbage), invalid, garbage);
    }
  });

  test("for one list and payload isn't valid for another whose concatenation is the same", () => {
    const cursor = cursors.encode('a', 'b');
    const [payload = ''] = cursor.split('.');
    assert.throws(() => cursors.decode(`a\n${payload}`, cursor), invalid);
  });
});

describe('canonical JSON', () => {
  test('is the same for the same value, whatever the order of its keys', () => {
    const left = { b: [1, { y: null, x: 'ü' }], a: { d: false, c: 1.5 } };
    const right = { a: { c: 1.5, d: false }, b: [1, { x: 'ü', y: null }] };
    assert.equal(canonicalJson(left), canonicalJson(right));
    assert.equal(canonicalJson(left), '{"a":{"c":1.5,"d":false},"b":[1,{"x":"ü","y":null}]}');
    assert.deepEqual(JSON.parse(canonicalJson(left)), left);
  });

  test('differs if the values do', () => {
    const values = [
      null,
      0,
      '0',
      '',
      [],
      {},
      [[]],
      [1, 2],
      [2, 1],
      { a: 1 },
      { a: '1' },
      { a: null },
      { b: 1 },
      { a: [1] },
      'a',
      true,
      false,
      [null],
      { 'a":1,"b': 2 },
      { a: 1, b: 2 },
    ];
    assert.equal(new Set(values.map(requestHash)).size, values.length);
  });

  test('treats an undefined member as absent', () => {
    assert.equal(canonicalJson({ a: undefined, b: 1 }), canonicalJson({ b: 1 }));
  });
});

describe('the configuration', () => {
  const complete = {
    PORT: '8000',
    CASSANDRA_CONTACT_POINTS: '127.0.0.1:9042, 127.0.0.2:9042',
    CASSANDRA_KEYSPACE: 'product',
    CASSANDRA_USERNAME: 'product',
    CASSANDRA_PASSWORD: 'a secret word',
    PRODUCT_URL: 'http://127.0.0.1:8000/, http://127.0.0.1:8010',
    CART_URL: 'http://127.0.0.1:8001',
    ORDER_URL: 'http://127.0.0.1:8002',
    USER_URL: 'http://127.0.0.1:8003',
    SERVICE_KEY_FILE: '/keys/service-key.json',
    SERVICE_KEYS_FILE: '/keys/services.json',
    USER_KEYS_FILE: '/keys/users.json',
  };

  test('allows no delay longer than deferred work is kept', () => {
    const day = 24 * 60 * 60 * 1000;
    assert.equal(delay.parse(6 * day), 6 * day);
    assert.equal(delay.safeParse(7 * day).success, false);
  });

  test('is read with its defaults', () => {
    const config = readConfig(serviceConfig, complete);
    assert.equal(config.PORT, 8000);
    assert.deepEqual(config.CASSANDRA_CONTACT_POINTS, ['127.0.0.1:9042', '127.0.0.2:9042']);
    assert.deepEqual(
      config.PRODUCT_URL,
      ['http://127.0.0.1:8000', 'http://127.0.0.1:8010'],
      'without a slash at the end',
    );
    assert.deepEqual(
      [config.HOST, config.LOG_LEVEL, config.CIRCUIT_BREAKER_FAILURE_THRESHOLD],
      ['127.0.0.1', 'info', 5],
    );
  });

  test('lists all faults at once, and never a value', () => {
    const faulty = {
      ...complete,
      PORT: '70000',
      CASSANDRA_KEYSPACE: 'a b',
      LOG_LEVEL: 'loud',
      CART_URL: 'ftp://x',
      CASSANDRA_PASSWORD: undefined,
      USER_KEYS_FILE: '',
      CIRCUIT_BREAKER_TIMEOUT: 'hidden-value',
    };
    assert.throws(
      () => readConfig(serviceConfig, faulty),
      (error: Error) => {
        assert.ok(error instanceof ConfigError);
        for (const name of ['PORT', 'CASSANDRA_KEYSPACE', 'LOG_LEVEL', 'CART_URL', 'CIRCUIT_BREAKER_TIMEOUT'])
          assert.match(error.message, new RegExp(`^  ${name}: `, 'm'));
        for (const name of ['CASSANDRA_PASSWORD', 'USER_KEYS_FILE'])
          assert.match(error.message, new RegExp(`^  ${name} is missing$`, 'm'));
        assert.ok(!error.message.includes('hidden-value') && !error.message.includes('a secret word'));
        assert.equal(error.message.split('\n').length, 1 + 7);
        return true;
      },
    );
  });

  test('reads any setting from a file, and says which file is missing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'store-config-'));
    try {
      const file = join(folder, 'password');
      writeFileSync(file, 'from a file\n');
      const { CASSANDRA_PASSWORD: _, ...others } = complete;
      assert.equal(
        readConfig(serviceConfig, { ...others, CASSANDRA_PASSWORD_FILE: file }).CASSANDRA_PASSWORD,
        'from a file',
      );
      assert.equal(
        readConfig(serviceConfig, { ...complete, CASSANDRA_PASSWORD_FILE: file }).CASSANDRA_PASSWORD,
        'a secret word',
      );
      // Docker gives what isn't set as nothing.
      assert.equal(
        readConfig(serviceConfig, { ...others, CASSANDRA_PASSWORD: '', CASSANDRA_PASSWORD_FILE: file })
          .CASSANDRA_PASSWORD,
        'from a file',
      );
      assert.throws(
        () => readConfig(serviceConfig, { ...others, CASSANDRA_PASSWORD_FILE: '/no/such' }),
        /CASSANDRA_PASSWORD_FILE: .*\/no\/such/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a log line', () => {
  const token = `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.${'s'.repeat(86)}`;
  const hash = `$2b$12$${'a'.repeat(53)}`;
  const cartToken = `cart_${'-w'.repeat(21)}w`;

  test('has no value under a key that names a secret, at any depth', () => {
    const fields = {
      password: 'p1',
      newPassword: 'p2',
      refresh_token: 'p3',
      deep: [{ Authorization: 'p4', setCookie: 'p5', clientSecret: 'p6' }],
      privateKey: { d: 'p7' },
      'X-Cart-Token': 'p8',
      email: 'kept',
    };
    const logged = JSON.stringify(redact(fields));
    for (const secret of ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8']) assert.ok(!logged.includes(secret), secret);
    assert.ok(logged.includes('kept'));
  });

  test('has no token and no password hash in any text, message, stack or cause', () => {
    const cause = new Error(`bad hash ${hash}`, { cause: { note: `see ${token}` } });
    const error = new Error(`Bearer ${token} was refused`, { cause });
    const logged = JSON.stringify(redact({ error, text: `a ${token} b ${hash} c`, list: [token, `/${cartToken}`] }));
    for (const sign of ['eyJ', '$2b$', '-w']) assert.ok(!logged.includes(sign), logged);
    assert.ok(
      logged.includes('was refused') && logged.includes('bad hash') && logged.includes('a [redacted] b [redacted] c'),
    );
  });

  test('ends, however deep or circular its fields are', () => {
    const circular: Record<string, unknown> = { name: 'x' };
    circular.self = circular;
    assert.match(JSON.stringify(redact(circular)), /\[deep\]/);
    const error = new Error('around');
    error.cause = error;
    assert.ok(JSON.stringify(redact(error)).includes('around'));
  });
});

describe('a limit per key', () => {
  test('runs that many pieces of work for one key, in order, and those of other keys alongside', async () => {
    const limit = createKeyedLimit(2);
    const running = { a: 0, b: 0 };
    const most = { a: 0, b: 0 };
    const order: number[] = [];
    const work = (key: 'a' | 'b', index: number) =>
      limit(key, async () => {
        running[key] += 1;
        most[key] = Math.max(most[key], running[key]);
        if (key === 'a') order.push(index);
        await sleep(5);
        running[key] -= 1;
        return index;
      });
    const results = await Promise.all([0, 1, 2, 3, 4, 5].flatMap((index) => [work('a', index), work('b', index)]));
    assert.deepEqual(most, { a: 2, b: 2 });
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(results, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  });

  test('continues after work that fails', async () => {
    const limit = createKeyedLimit(1);
    const outcomes = await Promise.allSettled([
      limit('a', async () => Promise.reject(new NotFound('x', 'X.'))),
      limit('a', async () => 'next'),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'fulfilled'],
    );
  });
});

test('the time left shrinks with the request, and is the cap outside of one', async () => {
  assert.equal(remainingMs(700), 700);
  await withRequestContext(
    { requestId: 'r', traceparent: newTraceparent(false), deadlineAt: Date.now() + 100 },
    async () => {
      assert.ok(remainingMs(700) <= 100 && remainingMs(50) === 50);
      await sleep(110);
      assert.ok(remainingMs(700) <= 0);
    },
  );
});
