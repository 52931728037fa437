import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createRunners } from '../../../../src/shell/runners/index.ts';
import { waitUntil } from '../../../support/wait.ts';
import { order, outcomeOf } from './support.ts';

const sh = (script: string, options: object = {}) =>
  outcomeOf({ Args: ['/bin/sh', '-c', script], ...options }, { allowExec: true });

describe('exec checks', () => {
  test.each([
    [0, 'passing'],
    [1, 'warning'],
    [2, 'critical'],
    [255, 'critical'],
  ])('exit code %d is %s', async (code, status) => {
    expect(await sh(`echo said; echo more >&2; exit ${code}`)).toMatchObject({
      status,
      output: expect.stringMatching(/^(said\nmore|more\nsaid)\n$/) as string,
    });
  });

  test('without output: the exit code; a signal; a missing program', async () => {
    expect(await sh('exit 3')).toMatchObject({ output: 'exit code 3' });
    expect(await sh('kill -9 $$')).toMatchObject({ status: 'critical', output: 'ended by SIGKILL' });
    expect(await outcomeOf({ Args: ['/no/such/program'] }, { allowExec: true })).toMatchObject({
      status: 'critical',
      output: 'spawn /no/such/program ENOENT',
    });
  });

  test('S14: arguments are passed unchanged, and no shell reads them', async () => {
    const { output } = await outcomeOf({ Args: ['/bin/echo', '$HOME; `id`', '*'] }, { allowExec: true });
    expect(output).toBe('$HOME; `id` *\n');
  });

  test('S14: the environment is minimal, the directory is /', async () => {
    process.env['HEARSAY_SECRET'] = 'key';
    const { output } = await sh('pwd; env');
    delete process.env['HEARSAY_SECRET'];
    const [folder, ...lines] = output.trim().split('\n');
    expect(folder).toBe('/');
    const names = lines.map((line) => line.split('=')[0]);
    expect(
      names.filter(
        (name) => !['PATH', 'LANG', 'LC_ALL', 'TZ', 'PWD', 'SHLVL', '_', 'OLDPWD'].includes(name ?? ''),
      ),
    ).toEqual([]);
  });

  test('S14: exec checks are refused unless they are allowed', async () => {
    expect(await outcomeOf({ Args: ['/bin/true'] })).toMatchObject({
      status: 'critical',
      output: 'exec checks are not allowed on this agent: start it with --allow-exec-checks',
    });
  });

  test('C4: the last bytes of the output are kept', async () => {
    const { output } = await sh('i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done');
    expect(output).toMatch(/^Captured 4096 of \d+ bytes\n\.\.\.\n/);
    expect(output.endsWith('line 1999\n')).toBe(true);
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(4096);
  });

  test('G20: a program with endless output is stopped', async () => {
    expect(await outcomeOf({ Args: ['yes'] }, { allowExec: true })).toMatchObject({
      status: 'critical',
      output: 'output exceeded 1048576 bytes: the program was stopped',
    });
  });

  test('G20: at the timeout the whole process group is killed, sleeping children too', async () => {
    const pids = pidFile();
    const outcome = await sh(`sleep 1000 & echo $! $$ >> ${pids.path}; wait`, { Timeout: '3s' });
    expect(outcome).toMatchObject({ status: 'critical', output: 'no answer in 3 s' });
    expect(pids.read()).toHaveLength(2);
    await pids.gone();
  });

  test('processes that a program leaves running are killed, and do not delay the outcome', async () => {
    const pids = pidFile();
    const outcome = await sh(`sleep 1000 & echo $! >> ${pids.path}; echo done`);
    expect(outcome).toMatchObject({ status: 'passing', output: 'done\n' });
    expect(pids.read()).toHaveLength(1);
    await pids.gone();
  });

  test('closing kills running programs, and no outcome follows', async () => {
    const pids = pidFile();
    const heard: unknown[] = [];
    const runners = createRunners({ allowExec: true, onOutcome: (outcome) => heard.push(outcome) });
    runners.run(order({ Args: ['/bin/sh', '-c', `echo $$ >> ${pids.path}; sleep 1000`] }));
    await waitUntil('it runs', 10_000, () => pids.read().length === 1);
    runners.close();
    await pids.gone();
    expect(heard).toEqual([]);
  });
});

/** Where a script writes the ids of its processes. */
function pidFile() {
  const folder = mkdtempSync(join(tmpdir(), 'hearsay-exec-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'pids');
  const read = (): number[] =>
    existsSync(path) ? readFileSync(path, 'utf8').split(/\s+/).filter(Boolean).map(Number) : [];
  const gone = () => waitUntil('all are gone', 10_000, () => !read().some(isAlive));
  return { path, read, gone };
}

/** Whether a process is there, and is not merely waiting to be collected. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
