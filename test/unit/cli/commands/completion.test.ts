import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/command-list.ts';
import { hearsay } from '../helper.ts';

const script = async (shell: string): Promise<string> => {
  const { code, out, err } = await hearsay(['completion', shell]);
  expect([code, err]).toEqual([0, '']);
  return out;
};

test.each(['bash', 'zsh', 'fish'])('the script for %s knows every command and its options', async (shell) => {
  const text = await script(shell);
  for (const name of [...Object.keys(COMMANDS), 'force-leave']) expect(text).toContain(name);
  expect(text).toContain('swim-probe-interval');
  expect(text).toContain('alive suspect away leaving left failed');
});

describe.skipIf(spawnSync('bash', ['--version']).status !== 0)('in bash', () => {
  const complete = async (...words: string[]): Promise<string[]> => {
    const line = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`;
    const program = `${await script('bash')}\n${line}; _hearsay; echo "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', program], { encoding: 'utf8' }).trim().split(' ');
  };

  test.each([
    [
      ['hearsay', 'fo'],
      ['forget', 'force-leave'],
    ],
    [['hearsay', 'members', '--sta'], ['--status']],
    [
      ['hearsay', 'members', '--status', 'le'],
      ['leaving', 'left'],
    ],
    [
      ['hearsay', 'agent', '--preset', ''],
      ['lan', 'wan', 'local'],
    ],
    [['hearsay', 'tags', 's'], ['set']],
    [
      ['hearsay', 'agent', '--help'],
      ['--help-all', '--help'],
    ],
    [['hearsay', 'config', 'ch'], ['check']],
    [
      ['hearsay', 'maint', 'o'],
      ['on', 'off'],
    ],
    [
      ['hearsay', 'watch', 'se'],
      ['services', 'service'],
    ],
    [
      ['hearsay', 'checks', '--state', ''],
      ['critical', 'warning', 'passing'],
    ],
  ])('%j gives %j', async (words, expected) => {
    expect(await complete(...words)).toEqual(expected);
  });
});
