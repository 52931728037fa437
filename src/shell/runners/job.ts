/**
 * Runs of jobs: a program of the configuration, or a POST. Each has one outcome, within its timeout, at which the program's
 * process group is killed, as it is when the agent stops.
 */
import { describeError } from '../../base/errno.ts';
import { VERSION } from '../../base/version.ts';
import { utf8Tail } from '../../checks/output.ts';
import { MAX_RUN_OUTPUT_BYTES } from '../../jobs/entries.ts';
import type { RunOutcome, RunRequest } from '../../jobs/types.ts';
import { formatWallTime } from '../../model/job-schedule.ts';
import { formatExit, type ProgramUser, runProgram } from '../program.ts';
import { OutputTail } from './exec.ts';
import type { EgressGuard } from './guard.ts';
import { requestHttp } from './http.ts';

export interface JobRunnerOptions {
  readonly guard: EgressGuard;
  /** Whether jobs may start programs. */
  readonly allowExecJobs: boolean;
  readonly execUser?: ProgramUser;
  onOutcome(outcome: RunOutcome): void;
}

export interface JobRunner {
  start(run: RunRequest): void;
  /** Kills all programs and closes all connections; no outcome follows. */
  close(): void;
}

type Result = Omit<RunOutcome, 'id'>;

export function createJobRunner(options: JobRunnerOptions): JobRunner {
  const running = new Set<AbortController>();
  let closed = false;
  return {
    start: (run) => {
      if (closed) return;
      const controller = new AbortController();
      running.add(controller);
      void runWithTimeout(run, controller, options).then((result) => {
        running.delete(controller);
        if (!closed) options.onOutcome({ ...result, id: run.id });
      });
    },
    close: () => {
      closed = true;
      for (const controller of running) controller.abort();
    },
  };
}

/** Never rejects. */
async function runWithTimeout(
  run: RunRequest,
  controller: AbortController,
  options: JobRunnerOptions,
): Promise<Result> {
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    controller.abort();
  }, run.timeout).unref();
  const output = new OutputTail(MAX_RUN_OUTPUT_BYTES);
  try {
    const result =
      run.action.kind === 'command'
        ? await runCommand(run, run.action.argv, controller.signal, output, options)
        : await runPost(run, run.action.url, controller.signal, options);
    return timedOut ? { ...timeoutOf(run, output), exit: result.exit } : result;
  } catch (error) {
    return timedOut ? timeoutOf(run, output) : { ok: false, timedOut, exit: 0, output: describeError(error) };
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

const timeoutOf = ({ timeout }: RunRequest, output: OutputTail): Result => ({
  ...{ ok: false, timedOut: true, exit: 0 },
  output: `${output.text()}\nnot finished in ${timeout / 1000} s: killed`.trimStart(),
});

/** An exit code is -1 if a signal ended the program. */
async function runCommand(
  run: RunRequest,
  argv: readonly string[],
  signal: AbortSignal,
  output: OutputTail,
  { allowExecJobs, execUser }: JobRunnerOptions,
): Promise<Result> {
  if (!allowExecJobs)
    throw new Error('jobs with a command are not allowed on this agent: start it with --allow-exec-jobs');
  const user = execUser === undefined ? {} : { user: execUser };
  const env = environmentOf(run);
  const exit = await runProgram({ argv, env, signal, onOutput: (chunk) => output.append(chunk), ...user });
  const ok = exit.code === 0;
  return {
    ok,
    timedOut: false,
    exit: exit.code ?? -1,
    output: output.text() || (ok ? '' : formatExit(exit)),
  };
}

const environmentOf = ({ job, tick, token, node }: RunRequest): Readonly<Record<string, string>> => ({
  HEARSAY_JOB: job,
  HEARSAY_JOB_TICK: formatWallTime(tick),
  HEARSAY_JOB_TOKEN: String(token),
  HEARSAY_NODE: node,
});

async function runPost(
  { job, tick, attempt, token, node, timeout }: RunRequest,
  url: string,
  signal: AbortSignal,
  { guard }: JobRunnerOptions,
): Promise<Result> {
  const headers = new Map([
    ['content-type', ['application/json']],
    ['user-agent', [`hearsay/${VERSION}`]],
  ]);
  const answer = await requestHttp(
    {
      ...{ kind: 'http', url, method: 'POST', headers, tlsServerName: '', tlsSkipVerify: false },
      body: JSON.stringify({ job, tick: formatWallTime(tick), attempt, token, node }),
      followRedirects: false,
    },
    { signal, timeout, outputMaxBytes: MAX_RUN_OUTPUT_BYTES, guard },
  );
  const { code, message, body } = answer;
  const output = utf8Tail(Buffer.from(body || `${code} ${message}`), MAX_RUN_OUTPUT_BYTES);
  return { ok: code >= 200 && code < 300, timedOut: false, exit: code, output };
}
