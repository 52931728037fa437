import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/command-list.ts';
import { runCli } from '../../../../src/cli/index.ts';
import { isInstalled } from '../../../support/processes.ts';
import { createFakeProcess } from '../helper.ts';

async function man(...words: readonly string[]): Promise<string> {
  const { io, out, err } = createFakeProcess();
  expect(await runCli(['man', ...words], io), err()).toBe(0);
  return out();
}

test('the page of the program names every command, the variables and the exit codes', async () => {
  const page = await man();
  expect(page).toMatch(/^\.TH HEARSAY 1 /);
  for (const name of Object.keys(COMMANDS)) expect(page).toContain(`\n.B ${name.replaceAll('-', '\\-')}\n`);
  for (const heading of ['ENVIRONMENT VARIABLES', 'EXIT CODES', 'NOTES'])
    expect(page).toContain(`.SH ${heading}`);
});

test('the page of a command has every option, also those that only --help-all shows', async () => {
  const page = await man('agent');
  expect(page).toMatch(/^\.TH HEARSAY-AGENT 1 /);
  expect(page).toContain('.B \\-\\-retry\\-join');
  expect(page).toContain('\\-\\-swim\\-probe\\-interval');
  expect(await man('keys')).toMatch(/\.SS hearsay keys install .*\n/);
});

test('no line of any page is taken for a request by what a text begins with', async () => {
  for (const name of Object.keys(COMMANDS)) {
    const requests = (await man(name)).split('\n').filter((line) => /^[.']/.test(line));
    expect(requests.filter((line) => !/^\.(?:TH|SH|SS|TP|B|BR|nf|fi)\b/.test(line))).toEqual([]);
  }
});

test.skipIf(!isInstalled('groff'))('groff finds nothing wrong (skipped without groff)', async () => {
  for (const name of ['agent', 'keys', 'watch']) {
    const input = await man(name);
    const args = ['-man', '-Tutf8', '-ww', '-z'];
    expect(execFileSync('groff', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })).toBe(
      '',
    );
  }
});

test('an unknown command is a wrong usage', async () => {
  const { io, err } = createFakeProcess();
  expect(await runCli(['man', 'nosuch'], io)).toBe(2);
  expect(err()).toContain("unknown command 'nosuch'");
});
