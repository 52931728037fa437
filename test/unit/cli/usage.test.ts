/** Wrong usage: exit code 2 and one sentence on stderr that points to the help. */
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-list.ts';
import { hearsay } from './helper.ts';

describe('usage', () => {
  test.each(Object.keys(COMMANDS))('%s --help ends with an example', async (name) => {
    const { code, out } = await hearsay([name, '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Usage: hearsay ${name}[^]*\nExample:\n {2}[^\n]*hearsay ${name}`));
  });

  test('the help of the program names every command', async () => {
    const { code, out } = await hearsay(['--help']);
    expect(code).toBe(0);
    for (const name of Object.keys(COMMANDS)) expect(out).toContain(`\n  ${name}`);
    expect((await hearsay(['help', 'members'])).out).toContain('--detailed');
  });

  test.each([
    [['nonsense'], "unknown command 'nonsense'; see `hearsay --help`"],
    [['nonsense', '--help'], "unknown command 'nonsense'; see `hearsay --help`"],
    [['help', 'nonsense'], "unknown command 'nonsense'; see `hearsay --help`"],
    [['drain'], "missing required argument 'id'; see `hearsay drain --help`"],
    [
      ['members', '--name', 'web-['],
      '--name: "web-[" is not a regular expression: .* is any text, a backslash takes a sign as it is, and it has 128 bytes at most',
    ],
    [
      ['members', '--status', 'alve'],
      '--status: "alve" matches none of alive, suspect, away, leaving, left, failed',
    ],
    [['members', '--nonsense'], "unknown option '--nonsense'; see `hearsay members --help`"],
    [
      ['members', '--stats', 'alive'],
      "unknown option '--stats' (Did you mean --status?); see `hearsay members --help`",
    ],
    [['forget'], "missing required argument 'node'; see `hearsay forget --help`"],
    [['leave', 'now'], 'too many arguments'],
    [['agent', '--bind'], "option '--bind <ADDR[:PORT]>' argument missing"],
    [['agent', '--swim-probe-interval', '1ms'], '--swim-probe-interval: must be at least 10ms'],
    [['agent', '--node', 'a\u200bb'], '--node: must not have characters that cannot be printed'],
    [['demo', '--nodes', '0'], '--nodes: must be a whole number from 1 to 50'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
  ])('%j is exit 2 and one sentence on stderr', async (words, sentence) => {
    const { code, out, err } = await hearsay(words);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(sentence);
    expect(err.split('\n')).toHaveLength(2);
  });

  test('no command at all shows the help on stderr', async () => {
    const { code, out, err } = await hearsay([]);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('Usage: hearsay');
  });
});
