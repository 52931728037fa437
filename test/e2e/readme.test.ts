/** Runs the README's first cluster against the built program and compares the output of each command. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isInstalled } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SECTION = '## A cluster in one minute';
/** Programs that the README's commands need besides ours. */
const TOOLS = ['curl', 'dig'];

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The `console` blocks of the section: `$ command`, then its output. */
function steps(): Step[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const section = (readme.split(SECTION)[1] ?? '').split('\n## ')[0] ?? '';
  const found: { command: string; output: string[] }[] = [];
  for (const [, block] of section.matchAll(/```console\n([\s\S]*?)```/g))
    for (const line of (block as string).trimEnd().split('\n'))
      if (line.startsWith('$ ')) found.push({ command: line.slice(2), output: [] });
      else found.at(-1)?.output.push(line);
  return found.map(({ command, output }) => ({ command, output: output.join('\n') }));
}

/** Replaces ages, which differ from run to run, and the width of their column. */
const withoutAges = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) =>
      line
        .replace(/\b\d+(ms|s|m)\b/g, 'AGE')
        .replace(/ +/g, ' ')
        .trimEnd(),
    )
    .join('\n');

describe.skipIf(!TOOLS.every(isInstalled))(`the README (skipped where one of ${TOOLS} is missing)`, () => {
  const agents: ChildProcess[] = [];
  let bin = '';

  beforeAll(() => {
    bin = mkdtempSync(join(tmpdir(), 'hearsay-readme-'));
    symlinkSync(join(ROOT, 'bin/hearsay.js'), join(bin, 'hearsay'));
  });
  afterAll(() => {
    for (const agent of agents) agent.kill('SIGKILL');
    rmSync(bin, { recursive: true });
  });

  test('its first cluster prints what the README shows', { timeout: 120_000 }, async () => {
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, NO_COLOR: '1' };
    const all = steps();
    expect(all.length).toBeGreaterThan(8);
    for (const { command, output } of all) {
      if (command.endsWith('&')) {
        const agent = spawn('bash', ['-c', `exec ${command.slice(0, -1)}`], { env, cwd: bin, stdio: 'pipe' });
        agents.push(agent);
        let printed = '';
        agent.stdout.on('data', (chunk: Buffer) => {
          printed += chunk.toString('utf8');
        });
        agent.stderr.on('data', (chunk: Buffer) => {
          printed += chunk.toString('utf8');
        });
        await waitUntil(`"${command}" is ready`, 20_000, () => {
          if (agent.exitCode !== null) throw new Error(`it ended with ${agent.exitCode}: ${printed}`);
          return printed.includes('is ready');
        });
        continue;
      }
      // A change takes a moment to reach other agents, so reads are retried; the output of a change must match at once.
      const isQuestion = /members|services|resolve|dig|curl/.test(command);
      const run = (): string =>
        withoutAges(
          execFileSync('bash', ['-c', command], { env, cwd: bin, encoding: 'utf8', timeout: 20_000 }),
        );
      if (isQuestion) {
        let last = '';
        await waitUntil(`"${command}" prints what the README shows`, 10_000, () => {
          last = run();
          return last === withoutAges(output);
        }).catch((error: unknown) => {
          expect(last, String(error)).toBe(withoutAges(output));
        });
      } else expect(run()).toBe(withoutAges(output));
    }
  });
});
