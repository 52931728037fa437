import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hearsay } from '../cli/helper.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hearsay-handlers-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(...lines: readonly string[]): Promise<string> {
  const path = join(folder, 'handlers.yaml');
  await writeFile(path, `${lines.join('\n')}\n`);
  await chmod(path, 0o600);
  return path;
}

test('handlers are parsed, and printed as they are written', async () => {
  const path = await write(
    'handlers:',
    '  - on: [member-join, "user:a:b"]',
    '    run: [/bin/echo, $HOME]',
    '  - {on: ["*"], run: [/bin/true], timeout: 5s}',
    '  - {on: [query], webhook: "https://host/x?y", timeout: 5s}',
    '  - {on: [query], webhook: "http://[::1]:80/"}',
  );
  const { code, out, err } = await hearsay(['config', '--json', '--config', path]);
  expect([code, err]).toEqual([0, '']);
  expect((JSON.parse(out) as { handlers: unknown }).handlers).toEqual({
    value: [
      { on: ['member-join', 'user:a:b'], run: ['/bin/echo', '$HOME'] },
      { on: ['*'], run: ['/bin/true'], timeout: '5s' },
      { on: ['query'], webhook: 'https://host/x?y', timeout: '5s' },
      { on: ['query'], webhook: 'http://[::1]:80/' },
    ],
    origin: `file ${path}:1`,
  });
});

test.each([
  ['{on: [join], run: [/a]}', '3: handlers[2].on: "join" must be one of member-join, member-leave,'],
  ['{on: ["member-join:a"], run: [/a]}', '3: handlers[2].on: "member-join:a": only user and query may have'],
  ['{on: ["user:"], run: [/a]}', '3: handlers[2].on: "user:" must have a name after the colon'],
  ['{on: [], run: [/a]}', '3: handlers[2].on: must be a list of at least one text'],
  ['{run: [/a]}', '3: handlers[2].on: must be a list of at least one text'],
  ['{on: [user], run: [a]}', '3: handlers[2].run: "a" must be the absolute path of a program'],
  ['{on: [user], run: /a}', '3: handlers[2].run: must be a list of at least one text'],
  ['{on: [user], run: [/a, 1]}', '3: handlers[2].run: must be a list of texts: put numbers in quotes'],
  ['{on: [user], run: ["/a\\0b"]}', '3: handlers[2].run: must not contain a NUL'],
  ['{on: [user], run: [/a], timeout: 2h}', '3: handlers[2].timeout: must be at most 1h'],
  ['{on: [user], run: [/a],\n     shell: true}', '4: handlers[2].shell: must be one of on, run'],
  ['{on: [user], webhook: "ftp://a/"}', '3: handlers[2].webhook: must begin with http:// or https://'],
  [
    '{on: [user], webhook: "http://a:b@c/"}',
    '3: handlers[2].webhook: must not contain a user name or a password',
  ],
  ['{on: [user], webhook: host}', '3: handlers[2].webhook: must be a URL'],
  ['{on: [user], webhook: "http://a/", timeout: 2m}', '3: handlers[2].timeout: must be at most 1m'],
  ['{on: [user], webhook: "http://a/", run: [/a]}', '3: handlers[2].webhook: is not allowed beside run'],
  ['text', '3: handlers[2]: must be a map'],
])('an error in a handler is reported with line and key, and exits with 78: %s', async (bad, sentence) => {
  const path = await write('handlers:', '  - {on: [user], run: [/bin/true]}', `  - ${bad}`);
  const { code, err } = await hearsay(['config', '--config', path]);
  expect(code).toBe(78);
  expect(err).toContain(`${path}:${sentence}`);
  expect((await hearsay(['config', 'check', path])).code).toBe(78);
});

test('S14: handlers come only from a file that no other user can write: no variable, no flag', async () => {
  const path = await write('handlers:', '  - {on: [user], run: [/bin/true]}');
  await chmod(path, 0o620);
  const { code, err } = await hearsay(['config', '--config', path]);
  expect(code).toBe(78);
  expect(err).toContain(
    `${path}:1: handlers: is only read from a file that no other user can write, and this one can be written by other users (mode 0620)`,
  );
  const variable = await hearsay(['config'], { env: { HEARSAY_HANDLERS: '[]' } });
  expect(variable.code).toBe(78);
  expect(variable.err).toContain('HEARSAY_HANDLERS: handlers is only read from a configuration file');
  expect((await hearsay(['config', '--handlers', 'x'])).code).toBe(2);
});
