import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { NAME_ARGUMENTS, NAME_OPTIONS } from '../../../../src/cli/api/names.ts';
import { COMMANDS } from '../../../../src/cli/command-list.ts';
import { hearsay, startFakeAgent, unusedUrl } from '../helper.ts';

/** What may follow, in the form of a shell. */
async function complete(words: readonly string[], shell = 'bash', url?: string): Promise<string[]> {
  const env = { HEARSAY_HTTP_ADDR: url ?? (await unusedUrl()) };
  const { code, out, err } = await hearsay(['completion', shell, '--', ...words], { env });
  expect([code, err]).toEqual([0, '']);
  return out.split('\n').slice(0, -1);
}

const member = (name: string, status: string, self = false) => ({
  ...{ name, addr: '10.0.0.1', port: 7946, status, incarnation: 1, ageMs: 1, self },
  tags: self ? { role: 'web', zone: 'a' } : {},
  ...{ protocol: { min: 1, max: 5, cur: 2 }, delegate: { min: 2, max: 5, cur: 5 } },
});
const startAgent = () =>
  startFakeAgent({
    'GET /v1/hearsay/members': [
      member('n1', 'alive', true),
      member('n2', 'failed'),
      member('$(reboot)', 'alive'),
    ],
    'GET /v1/catalog/services': { consul: [], web: [], 'a`b': [] },
    'GET /v1/agent/services': { 'web-1': {}, 'with blank': {} },
  });

describe('words of the program', () => {
  test('commands, with their aliases', async () => {
    expect(await complete([''])).toEqual(expect.arrayContaining([...Object.keys(COMMANDS), 'force-leave']));
    expect(await complete(['fo'])).toEqual(['forget', 'force-leave']);
    expect(await complete(['help', 'fo'])).toEqual(['forget', 'force-leave']);
  });

  test.each([
    [['members', '--sta'], ['--status']],
    [
      ['members', '--status', 'le'],
      ['leaving', 'left'],
    ],
    [
      ['agent', '--preset', ''],
      ['lan', 'wan', 'local'],
    ],
    [['agent', '--node', 'web-1', '--preset', 'w'], ['wan']],
    [['tags', 's'], ['set']],
    [
      ['agent', '--help'],
      ['--help-all', '--help'],
    ],
    [['config', 'ch'], ['check']],
    [
      ['maint', 'o'],
      ['on', 'off'],
    ],
    [
      ['watch', 'se'],
      ['services', 'service'],
    ],
    [
      ['checks', '--state', ''],
      ['critical', 'warning', 'passing'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['maint', 'on', 'x', '--rea'], ['--reason']],
    [['force-leave', '--pr'], ['--prune']],
    [['register', ''], []],
    [['agent', '--config', ''], []],
  ])('%j gives %j', async (words, expected) => {
    expect(await complete(words)).toEqual(expected);
  });

  test('options, where neither a word nor a file is expected', async () => {
    expect(await complete(['join', ''])).toContain('--http-addr');
  });

  test('have their descriptions in zsh and fish', async () => {
    expect(await complete(['maint', 'on'], 'zsh')).toEqual(['on:Start maintenance of the node or a service']);
    expect(await complete(['maint', 'on'], 'fish')).toEqual([
      'on\tStart maintenance of the node or a service',
    ]);
  });
});

describe('names that the agent knows', () => {
  test.each([
    [
      ['why', ''],
      ['consul', 'web', 'n1', 'n2'],
    ],
    [['why', 'w'], ['web']],
    [
      ['resolve', ''],
      ['consul', 'web'],
    ],
    [['watch', 'service', 'w'], ['web']],
    [['maint', 'on', ''], ['web-1']],
    [
      ['drain', ''],
      ['on', 'off', 'web-1'],
    ],
    [['forget', ''], ['n2']],
    [
      ['tags', 'delete', ''],
      ['role', 'zone'],
    ],
    [['owner', 'key', '--service', 'w'], ['web']],
  ])('%j gives %j, and nothing that a shell would expand', async (words, expected) => {
    const { url } = await startAgent();
    expect(await complete(words, 'bash', url)).toEqual(expected);
  });

  test('come from the agent that the line names', async () => {
    const { url } = await startAgent();
    expect(await complete(['why', '--http-addr', url, 'n'])).toEqual(['n1', 'n2']);
  });

  test('are missing without a word where no agent answers', async () => {
    expect(await complete(['resolve', 'w'])).toEqual([]);
  });

  test('belong to commands and options that exist', async () => {
    for (const path of Object.keys(NAME_ARGUMENTS)) {
      const words = path.split(' ');
      expect(await complete([...words.slice(0, -1), words.at(-1) ?? '']), path).toContain(words.at(-1));
    }
    for (const path of Object.keys(NAME_OPTIONS)) {
      const words = path.split(' ');
      expect(await complete(words), path).toEqual([words.at(-1)]);
    }
  });
});

test.skipIf(spawnSync('bash', ['--version']).status !== 0)(
  'the script of bash asks the program',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'hearsay-completion-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const program = join(dir, 'hearsay');
    writeFileSync(program, '#!/bin/sh\necho "$#"; for word; do echo "[$word]"; done\n');
    chmodSync(program, 0o755);
    const { out } = await hearsay(['completion', 'bash']);
    const line = `COMP_WORDS=(hearsay watch 'a b' ''); COMP_CWORD=3; _hearsay '${program}'; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(execFileSync('bash', ['-c', `${out}\n${line}`], { encoding: 'utf8' })).toBe(
      '6\n[completion]\n[bash]\n[--]\n[watch]\n[a b]\n[]\n',
    );
  },
);
