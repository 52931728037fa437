import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isOperatorTokenFor } from '../../../../src/files/operator-token.ts';
import { createOperatorToken } from '../../../../src/shell/storage/operator-token.ts';

const AT = '127.0.0.1:8500';

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-token-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('S13 S25 the token is in the data directory, for its owner only, another one at each start', async () => {
  const dir = scratch();
  const first = await createOperatorToken(AT, dir, {});
  expect(first.path).toBe(join(dir, 'operator-token'));
  expect(statSync(first.path).mode & 0o777).toBe(0o600);
  expect(readFileSync(first.path, 'utf8')).toBe(`${first.token}\n`);
  expect(isOperatorTokenFor(first.token, AT)).toBe(true);
  const second = await createOperatorToken(AT, dir, {});
  expect(second.token).not.toBe(first.token);
  second.discard();
  expect(existsSync(second.path)).toBe(false);
  expect(() => second.discard()).not.toThrow();
});

test('S13 without a data directory it is in the runtime directory, one file for each address', async () => {
  const run = scratch();
  const { path } = await createOperatorToken('[::1]:8500', undefined, { XDG_RUNTIME_DIR: run });
  expect(path).toBe(join(run, 'hearsay', 'operator-token-.1-8500'.replace('.', '-')));
  expect(statSync(join(run, 'hearsay')).mode & 0o777).toBe(0o700);
  const systemd = await createOperatorToken(AT, undefined, { RUNTIME_DIRECTORY: run, XDG_RUNTIME_DIR: '/x' });
  expect(systemd.path).toBe(join(run, 'operator-token-127.0.0.1-8500'));
  const socket = await createOperatorToken('unix:/run/a/b.sock', undefined, { RUNTIME_DIRECTORY: run });
  expect(socket.path).toBe(join(run, 'operator-token-unix-run-a-b.sock'));
  expect(isOperatorTokenFor(socket.token, 'unix:/run/a/b.sock')).toBe(true);
});

test('S25 a directory that others can write, or a link in its place, is passed over', async () => {
  const run = scratch();
  const open = join(run, 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  const link = join(run, 'link');
  symlinkSync(open, link);
  for (const dataDir of [open, link]) {
    const held = await createOperatorToken(AT, dataDir, { XDG_RUNTIME_DIR: run });
    expect(held.path).toBe(join(run, 'hearsay', 'operator-token-127.0.0.1-8500'));
  }
});
