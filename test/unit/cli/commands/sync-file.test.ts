import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runCli } from '../../../../src/cli/index.ts';
import { createFakeProcess, hearsay } from '../helper.ts';
import { row, startStream } from '../stream-server.ts';

const WEB = '{{#service web}}\n{{endpoint}}\n{{/service web}}\n';

function makeFiles(template: string) {
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-sync-file-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const at = (name: string): string => join(dir, name);
  const text = (name: string): string => readFileSync(at(name), 'utf8');
  writeFileSync(at('T'), template);
  return { at, text };
}

/** With the time of day left out. */
const linesOf = (out: string): string[] =>
  out
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(10));

describe('hearsay sync file', () => {
  test('writes the file, runs the command, tells each change, and ends at a signal', async () => {
    const { at, text } = makeFiles(WEB);
    const agent = await startStream([row(1), row(2, 'critical')]);
    const fake = createFakeProcess();
    const words = ['sync', 'file', at('T'), at('O'), '--every', '0s', '--http-addr', agent.url];
    const command = ['--', 'sh', '-c', 'cat "$HEARSAY_FILE" >>"$0"; echo - >>"$0"', at('log')];
    const ended = runCli([...words, ...command], fake.io);
    await vi.waitFor(() => expect(text('log')).toBe('10.0.0.1:80\n-\n'), 30_000);
    expect(agent.paths[0]).toBe('/v1/hearsay/events?type=service&service=web');
    agent.set([row(2), row(3)]);
    await vi.waitFor(() => expect(text('log')).toBe('10.0.0.1:80\n-\n10.0.0.2:80\n10.0.0.3:80\n-\n'), 30_000);
    await vi.waitFor(() => expect(fake.out().match(/written/g)).toHaveLength(2), 30_000);
    expect(linesOf(fake.out())).toEqual([
      'added    web  web-1  n1  10.0.0.1:80  weight 10',
      `written  ${at('O')}`,
      'added    web  web-2  n1  10.0.0.2:80  weight 10',
      'added    web  web-3  n1  10.0.0.3:80  weight 10',
      'removed  web  web-1  n1  10.0.0.1:80  weight 10',
      `written  ${at('O')}`,
    ]);
    fake.send('SIGTERM');
    expect([await ended, fake.err()]).toEqual([0, '']);
  });

  test('a partition keeps the last list', async () => {
    const { at, text } = makeFiles(WEB);
    const agent = await startStream([row(1)]);
    const fake = createFakeProcess();
    const ended = runCli(
      ['sync', 'file', at('T'), at('O'), '--every', '0s', '--http-addr', agent.url],
      fake.io,
    );
    await vi.waitFor(() => expect(text('O')).toBe('10.0.0.1:80\n'), 30_000);
    agent.set([row(1, 'critical')], 'partition');
    const kept =
      'kept     web  no instance passes, and its last servers are kept: 2 of 4 members are missing';
    await vi.waitFor(() => expect(linesOf(fake.out())).toContain(kept), 30_000);
    expect(text('O')).toBe('10.0.0.1:80\n');
    fake.send('SIGINT');
    expect(await ended).toBe(130);
  });

  test('--once in JSON; the file says how values are escaped', async () => {
    const { at, text } = makeFiles('[{{#service web}}{{id}}{{/service web}}]');
    const { url } = await startStream([row(1)]);
    const { code, out, err } = await hearsay([
      ...['sync', 'file', at('T'), at('O.json'), '--http-addr', url, '--once', '--json'],
    ]);
    expect([code, err, text('O.json')]).toEqual([0, '', '["web-1"]']);
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const file = at('O.json');
    expect(rows.map(({ at: _at, ...change }) => change)).toEqual([
      {
        ...{ event: 'added', file, service: 'web', id: 'web-1', node: 'n1', address: '10.0.0.1' },
        ...{ port: 80, weight: 10, reason: '' },
      },
      {
        ...{ event: 'written', file, service: '', id: '', node: '', address: '' },
        ...{ port: 0, weight: 0, reason: '' },
      },
    ]);
  });

  test('a file that is refused stays, and --once ends with 1', async () => {
    const { at, text } = makeFiles(WEB);
    writeFileSync(at('O'), 'good');
    const { url } = await startStream([row(1)]);
    const test = ['--test', 'echo "line 1: \u001b[2Jno" >&2; exit 1'];
    const { code, err } = await hearsay([
      ...['sync', 'file', at('T'), at('O'), '--http-addr', url, '--once', ...test],
    ]);
    expect([code, text('O')]).toEqual([1, 'good']);
    expect(err).toContain(`hearsay: ${at('O')} stays as it was: "echo`);
    expect(err).toMatch(/ended with 1: line 1: \[2Jno\n$/);
  });
});

describe('hearsay sync nginx', () => {
  test('tests and reloads by its options', async () => {
    const { at, text } = makeFiles('{{#service web}}server {{endpoint}} {{meta.x}};\n{{/service web}}');
    const { url } = await startStream([row(1, 'passing', { meta: { x: 'a; b' } })]);
    const { code, err } = await hearsay([
      ...['sync', 'nginx', '--template', at('T'), '--out', at('O'), '--http-addr', url, '--once'],
      ...['--test', `echo tested >>${at('log')}`, '--reload', `echo reloaded >>${at('log')}`],
    ]);
    expect([code, err]).toEqual([0, '']);
    expect(text('O')).toBe('server 10.0.0.1:80 a%3B%20b;\n');
    expect(text('log')).toBe('tested\nreloaded\n');
  });
});

describe('arguments that are refused', () => {
  test.each([
    [['file', 'T'], 2, "missing required argument 'out'"],
    [['file', 'T', 'O', 'C'], 2, 'name a template and a file, and write the command after --'],
    [
      ['file', 'T', 'O', '--escape', 'html'],
      2,
      '--escape: "html" is no syntax: use one of word, nginx, json, shell',
    ],
    [['file', 'T', 'O', '--every', 'x'], 2, '--every: "x" is not a duration'],
    [['file', 'T', 'O', '--empty', 'x'], 2, '--empty: "x" must be keep or allow'],
    [['file', 'T', 'no/such/O'], 2, ': make its folder first'],
    [['file', 'none', 'O'], 78, 'none: the template cannot be read: ENOENT'],
    [['nginx', '--out', 'O'], 2, "required option '--template <path>'"],
  ])('%j', async (words, exit, message) => {
    const { at } = makeFiles(WEB);
    const paths = words.map((word) => (/^(?:T|O|none|no\/such\/O)$/.test(word) ? at(word) : word));
    const { code, err } = await hearsay(['sync', ...paths]);
    expect(err).toContain(message);
    expect(code).toBe(exit);
  });

  test.each([
    ['\n{{#service web}}{{adress}}{{/service web}}', ':2: there is no "adress" here'],
    ['hello', ': names no service: write {{#service web}}'],
    ['{{#service a b}}{{/service a b}}', ': "a b" is no name of a service: use 1 to 128 letters'],
    ['x'.repeat(1024 * 1024 + 1), ': is longer than 1048576 characters'],
  ])('template %j', async (template, message) => {
    const { at } = makeFiles(template);
    const { code, err } = await hearsay(['sync', 'file', at('T'), at('O')]);
    expect(err).toContain(`hearsay: ${at('T')}${message}`);
    expect(code).toBe(78);
  });
});
