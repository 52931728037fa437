/** Runs of jobs with real programs and a real server, on loopback addresses of this file's own. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { RunOutcome, RunRequest } from '../../../../src/jobs/types.ts';
import { EgressGuard } from '../../../../src/shell/runners/guard.ts';
import { createJobRunner, type JobRunner } from '../../../../src/shell/runners/job.ts';
import { waitUntil } from '../../../support/wait.ts';

const HOST = '127.37.9.1';
const runners: JobRunner[] = [];
const closing: (() => void)[] = [];
afterEach(() => {
  for (const runner of runners.splice(0)) runner.close();
  for (const close of closing.splice(0)) close();
});

const BASE: Omit<RunRequest, 'action'> = {
  ...{ id: 3, job: 'nightly', node: 'ann', tick: 1_800_000_000_000, attempt: 2, token: 17, timeout: 5000 },
};

function runJob(action: RunRequest['action'], changes: Partial<RunRequest> = {}, allowExecJobs = true) {
  return new Promise<RunOutcome>((onOutcome) => {
    const runner = createJobRunner({ guard: new EgressGuard({}), allowExecJobs, onOutcome });
    runners.push(runner);
    runner.start({ ...BASE, action, ...changes });
  });
}
const sh = (script: string): RunRequest['action'] => ({ kind: 'command', argv: ['/bin/sh', '-c', script] });

test('a program gets the run in its environment, and no secret', async () => {
  process.env['HEARSAY_GOSSIP_KEY'] = 'secret';
  closing.push(() => delete process.env['HEARSAY_GOSSIP_KEY']);
  const outcome = await runJob(sh('env | grep HEARSAY | sort'));
  expect(outcome).toEqual({
    ...{ id: 3, ok: true, timedOut: false, exit: 0 },
    output:
      'HEARSAY_JOB=nightly\nHEARSAY_JOB_TICK=2027-01-15T08:00:00.000Z\nHEARSAY_JOB_TOKEN=17\nHEARSAY_NODE=ann\n',
  });
});

test('the exit code decides, and the end of the output is kept', async () => {
  expect(await runJob(sh('echo no >&2; exit 7'))).toMatchObject({ ok: false, exit: 7, output: 'no\n' });
  expect(await runJob(sh('kill -9 $$'))).toMatchObject({ ok: false, exit: -1, output: 'ended by SIGKILL' });
  const long = await runJob(sh('i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done'));
  expect(long.output.length).toBeLessThanOrEqual(512);
  expect(long.output).toMatch(/line 499\n$/);
});

test('at the timeout the whole process group is killed', async () => {
  const outcome = await runJob(sh('sleep 300 & echo $!; wait'), { timeout: 300 });
  expect(outcome).toMatchObject({ ok: false, timedOut: true });
  const child = Number(/^\d+/.exec(outcome.output)?.[0]);
  expect(child).toBeGreaterThan(1);
  const isGone = (): boolean => {
    try {
      process.kill(child, 0);
      return false;
    } catch {
      return true;
    }
  };
  await waitUntil('the child is gone', 5000, isGone);
});

test('a program that is not there, or not allowed, is an outcome', async () => {
  expect(await runJob({ kind: 'command', argv: ['/nowhere/x'] })).toMatchObject({ ok: false });
  const refused = await runJob(sh('true'), {}, false);
  expect(refused.output).toMatch(/start it with --allow-exec-jobs/);
});

test('a webhook gets a POST of JSON; its status decides', async () => {
  const seen: { request: IncomingMessage; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      seen.push({ request, body });
      response.writeHead(request.url === '/ok' ? 202 : 500).end('said');
    });
  });
  await new Promise<void>((listening) => server.listen(0, HOST, listening));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  const post = (path: string) => runJob({ kind: 'post', url: `http://${HOST}:${port}${path}` });
  expect(await post('/ok')).toEqual({ id: 3, ok: true, timedOut: false, exit: 202, output: 'said' });
  expect(await post('/bad')).toMatchObject({ ok: false, exit: 500 });
  expect(seen[0]?.request.method).toBe('POST');
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
    ...{ job: 'nightly', tick: '2027-01-15T08:00:00.000Z', attempt: 2, token: 17, node: 'ann' },
  });
});

test('a webhook outside of what checks may reach is refused', async () => {
  const outcome = await runJob({ kind: 'post', url: 'http://169.254.169.254/latest' });
  expect(outcome.ok).toBe(false);
  expect(outcome.output).toMatch(/169\.254\.169\.254/);
});

test('after a close nothing is reported and nothing is left running', async () => {
  const outcomes: RunOutcome[] = [];
  const runner = createJobRunner({
    ...{ guard: new EgressGuard({}), allowExecJobs: true },
    onOutcome: (outcome) => outcomes.push(outcome),
  });
  runner.start({ ...BASE, action: sh('sleep 300') });
  runner.close();
  runner.start({ ...BASE, action: sh('true') });
  await runJob(sh('true')); // what was started later has ended by now
  expect(outcomes).toEqual([]);
});
