/** The README's first cluster, command by command, against the built program. What it shows is what it prints. */
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
/** Commands of the README that need a program besides ours. */
const TOOLS = ['curl', 'dig'];

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The `console` blocks of the section: `$ command`, then what it prints. */
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

/** Ages differ from run to run, and with them the width of their column. */
const ageless = (text: string): string =>
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

  test('its first cluster does what it says', { timeout: 120_000 }, async () => {
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
      // What changes somewhere is seen elsewhere a moment later; what a command itself answers must be right at once.
      const isQuestion = /members|services|resolve|dig|curl/.test(command);
      const run = (): string =>
        ageless(execFileSync('bash', ['-c', command], { env, cwd: bin, encoding: 'utf8', timeout: 20_000 }));
      if (isQuestion) {
        let last = '';
        await waitUntil(`"${command}" prints what the README shows`, 10_000, () => {
          last = run();
          return last === ageless(output);
        }).catch((error: unknown) => {
          expect(last, String(error)).toBe(ageless(output));
        });
      } else expect(run()).toBe(ageless(output));
    }
  });
});
