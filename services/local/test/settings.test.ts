import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { readSettings, storeUrl } from '../src/settings.ts';

const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'store-settings-')));
after(() => rmSync(root, { recursive: true }));

test('a data folder has one path, whatever links lead to it, even before it exists', () => {
  const link = path.join(root, 'link');
  mkdirSync(path.join(root, 'disk'));
  symlinkSync(path.join(root, 'disk'), link);
  assert.equal(readSettings({ DATA_DIR: link }).dataDir, path.join(root, 'disk'));
  assert.equal(readSettings({ DATA_DIR: `${link}/shops/new` }).dataDir, path.join(root, 'disk/shops/new'));
});

test('the address of the store is one that a client on this machine can use', () => {
  const urls = ['127.0.0.1', 'shop.local', '0.0.0.0', '::', '::1', 'fd00::7'].map((host) =>
    storeUrl({ host, port: 8080 }),
  );
  assert.deepEqual(urls, [
    'http://127.0.0.1:8080',
    'http://shop.local:8080',
    'http://127.0.0.1:8080',
    'http://[::1]:8080',
    'http://[::1]:8080',
    'http://[fd00::7]:8080',
  ]);
});
