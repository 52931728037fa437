/**
 * Runs checks for the agent: one outcome per run, within its timeout, whatever the target does. The checks layer decides
 * which runs are due and what an outcome means; each kind of check has a file of its own.
 */
import { describeError } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import { truncateOutput } from '../../checks/output.ts';
import type { CheckOutcome, CheckProbe, CheckRun } from '../../checks/types.ts';
import type { RunOutcome, RunRequest } from '../../jobs/types.ts';
import type { ProgramUser } from '../program.ts';
import { runExec } from './exec.ts';
import { runGrpc } from './grpc.ts';
import { EgressGuard, type EgressGuardOptions } from './guard.ts';
import { runH2ping } from './h2ping.ts';
import { HeldConnections } from './hold.ts';
import { runHttp } from './http.ts';
import { createJobRunner } from './job.ts';
import type { CheckResult, RunContext } from './runner.ts';
import { Slots, type SlotsOptions } from './slots.ts';
import { runTcp } from './tcp.ts';
import { runUdp } from './udp.ts';

export interface RunnersOptions extends EgressGuardOptions, SlotsOptions {
  onOutcome(outcome: CheckOutcome): void;
  /** A run of a job has ended. */
  readonly onJobOutcome?: (outcome: RunOutcome) => void;
  /** Whether exec checks may start programs. The registration makes sure that they come from files only. */
  readonly allowExec: boolean;
  /** Whether jobs may; their commands come from the configuration only. */
  readonly allowExecJobs?: boolean;
  /** As whom programs run; absent: the user of the agent. */
  readonly execUser?: ProgramUser;
}

export interface Runners {
  /** Runs a check. A newer run of the same check cancels the older one, which then has no outcome. */
  run(run: CheckRun): void;
  /** Ends a run that holds a connection; no outcome follows. */
  stop(check: string): void;
  /** Runs of jobs. */
  readonly jobs: { start(run: RunRequest): void };
  /** Why no run of this check will be let out; `undefined`: one may be. */
  explainDenial(probe: CheckProbe): string | undefined;
  /** Cancels all runs; no outcome follows. */
  close(): void;
}

/** Throws `AgentError('config')` if `allow` holds something that is not a network. */
export function createRunners(options: RunnersOptions): Runners {
  const guard = createGuard(options);
  const slots = new Slots(options);
  const held = new HeldConnections(slots, guard, options.onOutcome);
  const { allowExecJobs = false, execUser, onJobOutcome: onOutcome = () => {} } = options;
  const jobs = createJobRunner({
    guard,
    allowExecJobs,
    onOutcome,
    ...(execUser === undefined ? {} : { execUser }),
  });
  return {
    jobs,
    run: (run) => {
      if (run.probe.kind === 'hold') return held.open(run, run.probe.target);
      slots.schedule(run.check, async (canceled) => {
        const result = await runWithTimeout(run, options, guard, canceled);
        if (result !== undefined)
          options.onOutcome({ ...result, check: run.check, generation: run.generation });
      });
    },
    stop: (check) => held.stop(check),
    explainDenial: (probe) => {
      const host = hostOf(probe);
      return host === undefined ? undefined : guard.explainDenial(host);
    },
    close: () => {
      slots.close();
      held.close();
      jobs.close();
    },
  };
}

/** The host that a check connects to, without brackets. */
function hostOf(probe: CheckProbe): string | undefined {
  const bare = (host: string): string => host.replace(/^\[|\]$/g, '');
  if (probe.kind === 'http') return URL.canParse(probe.url) ? bare(new URL(probe.url).hostname) : undefined;
  if (!('target' in probe)) return undefined;
  return bare(probe.target.replace(/:[^:\]]*$/, ''));
}

/** Resolves to `undefined` if the run was canceled. */
async function runWithTimeout(
  order: CheckRun,
  { allowExec, execUser }: Pick<RunnersOptions, 'allowExec' | 'execUser'>,
  guard: EgressGuard,
  canceled: AbortSignal,
): Promise<CheckResult | undefined> {
  const { timeout, outputMaxBytes } = order;
  const controller = new AbortController();
  const user = execUser === undefined ? {} : { execUser };
  const run: RunContext = { signal: controller.signal, timeout, outputMaxBytes, guard, ...user };
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<CheckResult | undefined>((resolve) => {
    timer = setTimeout(
      () => resolve({ status: 'critical', output: `no answer in ${timeout / 1000} s` }),
      Math.min(timeout, MAX_TIMER_MS),
    ).unref();
    canceled.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  try {
    const result = await Promise.race([ended, runCheck(order, run, allowExec)]);
    return canceled.aborted || result === undefined
      ? undefined
      : { ...result, output: truncateOutput(result.output, outputMaxBytes) };
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

/** The longest delay of Node's timers: a longer one fires at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Never rejects. */
async function runCheck({ probe }: CheckRun, run: RunContext, allowExec: boolean): Promise<CheckResult> {
  try {
    switch (probe.kind) {
      case 'http':
        return await runHttp(probe, run);
      case 'tcp':
        return await runTcp(probe, run);
      case 'udp':
        return await runUdp(probe, run);
      case 'grpc':
        return await runGrpc(probe, run);
      case 'h2ping':
        return await runH2ping(probe, run);
      case 'exec':
        if (!allowExec)
          throw new Error('exec checks are not allowed on this agent: start it with --allow-exec-checks');
        return await runExec(probe, run);
      case 'hold':
        throw new Error('a connection is held by hold.ts'); // it outlives its slot
    }
  } catch (error) {
    return { status: 'critical', output: describeError(error) };
  }
}

function createGuard(options: EgressGuardOptions): EgressGuard {
  try {
    return new EgressGuard(options);
  } catch (error) {
    throw new AgentError('config', `checks: ${describeError(error)}`);
  }
}
