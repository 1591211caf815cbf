import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failAccount, failNetwork, networkOf, secondsBlocked } from '../src/logins/throttle.ts';
import { refreshTokens } from '../src/sessions/refresh-token.ts';
import { isCurrent, isSpent, type Session, secondsToLive } from '../src/sessions/session.ts';
import { COMMON_PASSWORDS } from '../src/users/common-passwords.ts';
import { unusablePassword, weakPassword } from '../src/users/password.ts';
import { isEmail, isName, normalizeEmail } from '../src/users/user.ts';

const NOW = new Date('2026-03-01T22:00:00Z');
const DAY = 86_400;

test('all spellings of an address are one address', () => {
  for (const spelling of ['ada@example.com', ' Ada@Example.COM\n', 'ＡＤＡ＠example．com', '\u00a0ADA@EXAMPLE.com']) {
    assert.equal(normalizeEmail(spelling), 'ada@example.com');
  }
  assert.equal(normalizeEmail('Jose\u0301@example.com'), normalizeEmail('JOSÉ@example.com'));
});

test('normalizing an address a second time changes nothing', () => {
  for (const text of ['İ@example.com', 'ﬁ@ﬁ.com', 'ẞ@example.com', 'Å@example.com', 'ｶﾞ@example.com']) {
    assert.equal(normalizeEmail(normalizeEmail(text)), normalizeEmail(text));
  }
});

test('addresses that could receive mail are accepted', () => {
  const longest = `${'l'.repeat(64)}@${'d'.repeat(63)}.${'d'.repeat(63)}.${'d'.repeat(57)}.com`;
  assert.equal(longest.length, 254);
  const good = [
    'a@b.co',
    "o'neil+shop@mail.example.co.uk",
    'josé@exämple.de',
    '用户@例子.公司',
    'a@xn--bcher-kva.example',
    longest,
  ];
  for (const email of good) assert.ok(isEmail(email), email);
  assert.ok(!isEmail(longest.replace('.com', '.info')));
});

test('a password counts its characters as people do and its bytes as bcrypt does', () => {
  assert.match(weakPassword('short 7') ?? '', /8 characters/);
  assert.match(weakPassword('🐎🐎🐎🐎🐎🐎🐎') ?? '', /8 characters/);
  assert.equal(weakPassword('🐎🐎🐎🐎🐎🐎🐎🐎'), undefined);
  assert.equal(weakPassword('x'.repeat(72)), undefined);
  assert.match(weakPassword('x'.repeat(73)) ?? '', /72 bytes/);
  assert.match(weakPassword('é'.repeat(37)) ?? '', /72 bytes/);
  assert.match(unusablePassword('with\0nul') ?? '', /NUL/);
  assert.match(unusablePassword('half \ud800 pair') ?? '', /half/);
});

test('the thousand most common passwords are refused, in upper and lower case', () => {
  assert.equal(COMMON_PASSWORDS.size, 1000);
  for (const password of COMMON_PASSWORDS) assert.ok(password.length >= 8 && password === password.toLowerCase());
  for (const password of ['password', 'PassWord', 'QWERTYUIOP', 'trustno1']) {
    assert.match(weakPassword(password) ?? '', /most common/);
  }
});

test('a name is one line of 1 to 100 characters', () => {
  for (const name of ['A', '🐎'.repeat(100), 'Zoë O’Hara-Łukasz', '李小龍']) assert.ok(isName(name), name);
  for (const name of ['', '🐎'.repeat(101), 'a\u0000', 'a\nb', 'a\u2028b', 'a\u0085b', '\ud800'])
    assert.ok(!isName(name));
});

test('the tenth failure blocks an account for 15 minutes, each further one twice as long, never longer than a day', () => {
  let failures = { count: 0, blockedUntil: undefined as Date | undefined };
  const blocks: number[] = [];
  for (let attempt = 1; attempt <= 18; attempt += 1) {
    failures = failAccount(failures, NOW) as typeof failures;
    blocks.push(secondsBlocked(failures, NOW) / 60);
  }
  assert.deepEqual(blocks, [0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 30, 60, 120, 240, 480, 960, 1440, 1440]);
});

test('the hundredth failure blocks a network until the day ends', () => {
  assert.equal(secondsBlocked(failNetwork({ count: 98, blockedUntil: undefined }, NOW), NOW), 0);
  assert.equal(secondsBlocked(failNetwork({ count: 99, blockedUntil: undefined }, NOW), NOW), 2 * 3600);
});

test('a block ends, and its last fraction of a second counts as a second', () => {
  const blockedUntil = new Date(NOW.getTime() + 1);
  assert.equal(secondsBlocked({ count: 10, blockedUntil }, NOW), 1);
  assert.equal(secondsBlocked({ count: 10, blockedUntil }, blockedUntil), 0);
});

test('a network is an IPv4 address or a /64', () => {
  assert.equal(networkOf('203.0.113.7'), '203.0.113.7');
  assert.equal(networkOf('::ffff:203.0.113.7'), '203.0.113.7');
  assert.equal(networkOf('2001:db8:0:1::1'), networkOf('2001:0DB8::1:aaaa:bbbb:cccc:dddd'));
  assert.equal(networkOf('2001:db8::1'), '2001:db8:0:0');
  assert.notEqual(networkOf('2001:db8:0:1::1'), networkOf('2001:db8:0:2::1'));
  assert.equal(networkOf('::1'), '0:0:0:0');
});

const SESSION_ID = '0f8fad5b-d9cb-469f-a165-70867728950e';

test('a refresh token is read as it was created, and has one spelling', () => {
  const { text, ...made } = refreshTokens.create(SESSION_ID);
  assert.deepEqual(refreshTokens.read(text), made);
  assert.deepEqual([made.sessionId, made.generation], [SESSION_ID, 0]);
  assert.equal(Buffer.from(text, 'base64url').length, 68);
  for (const other of [`${text}A`, text.slice(1), ` ${text}`, `${text}=`, text.replace(/.$/, '_'), 'x', '']) {
    assert.equal(refreshTokens.read(other), undefined, other);
  }
});

test('two refresh tokens of one session and generation differ', () => {
  const { text } = refreshTokens.create(SESSION_ID);
  const successors = [refreshTokens.createNext(text), refreshTokens.createNext(text)];
  assert.deepEqual(
    successors.map(({ sessionId, generation }) => [sessionId, generation]),
    [
      [SESSION_ID, 1],
      [SESSION_ID, 1],
    ],
  );
  assert.equal(new Set(successors.map((token) => token.hash)).size, 2);
});

test('a spent token has its family’s secret and an earlier generation', () => {
  const first = refreshTokens.create(SESSION_ID);
  const second = refreshTokens.createNext(first.text);
  const third = refreshTokens.createNext(second.text);
  const session: Session = {
    ...second,
    userId: 'somebody',
    currentHash: second.hash,
    isRevoked: false,
    createdAt: NOW,
  };
  const stranger = refreshTokens.create(SESSION_ID);
  assert.deepEqual(
    [first, second, third, stranger].map((token) => [isCurrent(session, token), isSpent(session, token)]),
    [
      [false, true],
      [true, false],
      [false, false],
      [false, false],
    ],
  );
});

test('a refresh token lives 14 days, and never past the 30th day of its session', () => {
  const daysAgo = (days: number) => new Date(NOW.getTime() - days * DAY * 1000);
  assert.equal(secondsToLive(NOW, NOW), 14 * DAY);
  assert.equal(secondsToLive(daysAgo(16), NOW), 14 * DAY);
  assert.equal(secondsToLive(daysAgo(29), NOW), DAY);
  assert.ok(secondsToLive(daysAgo(31), NOW) < 0);
});
