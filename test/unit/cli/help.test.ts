/** Help texts: 80 columns, every command once, common options in `--help`, every setting in `--help-all`. */
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/command-list.ts';
import { OTHER_SETTINGS } from '../../../src/cli/input/setting-groups.ts';
import { SETTINGS } from '../../../src/config/schema.ts';
import { hearsay } from './helper.ts';

const SUBCOMMANDS: readonly (readonly [string, string])[] = [
  ['tags', 'set'],
  ['tags', 'delete'],
  ['maint', 'on'],
  ['maint', 'off'],
  ['drain', 'on'],
  ['drain', 'off'],
  ['watch', 'services'],
  ['watch', 'service'],
  ['watch', 'members'],
  ['watch', 'events'],
  ['watch', 'owner'],
  ['keys', 'list'],
  ['keys', 'install'],
  ['keys', 'use'],
  ['keys', 'remove'],
  ['jobs', 'run'],
  ['jobs', 'pause'],
  ['jobs', 'resume'],
  ['jobs', 'remove'],
  ['config', 'check'],
  ['import', 'consul'],
  ['import', 'config'],
  ['sync', 'haproxy'],
  ['sync', 'nginx'],
  ['sync', 'file'],
];
const PAGES: readonly (readonly string[])[] = [
  [],
  ...Object.keys(COMMANDS).map((name) => [name]),
  ...SUBCOMMANDS,
];

async function help(...words: readonly string[]): Promise<string> {
  const { code, out, err } = await hearsay(words);
  expect([code, err]).toEqual([0, '']);
  return out;
}

/** The first words of the rows of a page. */
const terms = (page: string): readonly string[] =>
  [...page.matchAll(/^ {2,4}(--[\w-]+|[\w-]+)/gm)].map(([, term]) => term as string);

describe.each(['--help', '--help-all'])('%s', (flag) => {
  test.each(PAGES.map((words) => [words.join(' '), words]))('of "%s" fits 80 columns', async (_, words) => {
    const page = await help(...words, flag);
    expect(page.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(page).toMatch(new RegExp(`^Usage: ${['hearsay', ...words].join(' ')}`));
    expect(page).toMatch(/\nExample:\n {2}[^\n]*hearsay[^\n]*\n$/);
  });

  test('of the program lists every command once, in a group', async () => {
    const page = await help(flag);
    for (const name of Object.keys(COMMANDS))
      expect(
        [...page.matchAll(/^ {2}([\w-]+)/gm)].filter(([, term]) => term === name),
        name,
      ).toHaveLength(1);
    expect(page).not.toContain('\nCommands:');
  });
});

test('--help-all of the program lists every subcommand, the variables and the exit codes', async () => {
  const page = await help('--help-all');
  const listed = [...page.matchAll(/^ {4}([a-z]+)/gm)].map(([, name]) => name);
  expect(listed.sort()).toEqual(SUBCOMMANDS.map(([, name]) => name).sort());
  for (const word of ['HEARSAY_HTTP_ADDR', 'NO_COLOR', '130', '78']) expect(page).toContain(`\n  ${word}`);
});

describe('the settings', () => {
  const flagsOf = (page: string): readonly string[] =>
    terms(page).filter(
      (term) => term.startsWith('--') && !['--config', '--help-all', '--json'].includes(term),
    );

  test('ten of them are in `agent --help`', async () => {
    expect(flagsOf(await help('agent', '--help'))).toEqual([
      ...['--node', '--bind', '--join', '--retry-join', '--tag'],
      ...['--service', '--http', '--dns', '--data-dir', '--keyring-file'],
    ]);
  });

  test.each(['agent', 'config'])('all of them are in `%s --help-all`, once and in a group', async (name) => {
    const page = await help(name, '--help-all');
    for (const { key, flag, env, setting } of SETTINGS.values()) {
      const term = flag ?? (setting.fileOnly === true ? key : env);
      const names = [term, term.replace(/^--/, '--no-')];
      expect(
        terms(page).filter((one) => names.includes(one)),
        key,
      ).toHaveLength(1);
    }
    expect(page).not.toContain(OTHER_SETTINGS);
  });

  test('those of the failure detector are in `simulate --help-all`', async () => {
    const page = await help('simulate', '--help-all');
    for (const { flag, section } of SETTINGS.values())
      if (section === 'swim' && flag !== undefined)
        expect(page).toMatch(new RegExp(`--(no-)?${flag.slice(2)}\\b`));
    expect(await help('simulate', '--help')).not.toContain('--swim-');
  });
});

test('--help-all needs no arguments, as --help does', async () => {
  expect(await help('forget', '--help-all')).toBe(await help('forget', '--help'));
  expect(await help('help', 'forget')).toBe(await help('forget', '--help'));
});

test('an option before the command does not change the advice', async () => {
  expect((await hearsay(['--nonsense'])).err).toBe(
    "hearsay: unknown option '--nonsense'; see `hearsay --help`\n",
  );
});
