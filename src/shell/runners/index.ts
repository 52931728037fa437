/**
 * Runs checks for the agent: one outcome per order, within its timeout, however the target behaves. Which runs are
 * due and what an outcome means is decided in checks/; each kind is in a file of its own.
 */
import { AgentError } from '../../base/errors.ts';
import { truncateOutput } from '../../checks/output.ts';
import type { CheckOutcome, CheckRun } from '../../checks/types.ts';
import { runExec } from './exec.ts';
import { runGrpc } from './grpc.ts';
import { EgressGuard, type EgressGuardOptions } from './guard.ts';
import { runH2ping } from './h2ping.ts';
import { runHttp } from './http.ts';
import { type CheckResult, describeError, type RunContext } from './runner.ts';
import { Slots, type SlotsOptions } from './slots.ts';
import { runTcp } from './tcp.ts';
import { runUdp } from './udp.ts';

export interface RunnersOptions extends EgressGuardOptions, SlotsOptions {
  onOutcome(outcome: CheckOutcome): void;
  /** Programs may be started. That they come only from files is checked where checks are registered. */
  readonly allowExec: boolean;
}

export interface Runners {
  /** A newer order of a check takes the place of an older one, of which nothing more is heard. */
  run(order: CheckRun): void;
  /** Ends everything at once; nothing more is heard. */
  close(): void;
}

/** Throws `AgentError('config')` if a network of `allow` is not one. */
export function createRunners(options: RunnersOptions): Runners {
  const guard = guardOf(options);
  const slots = new Slots(options);
  return {
    run: (order) =>
      slots.schedule(order.check, async (abort) => {
        const result = await runWithTimeout(order, options.allowExec, guard, abort);
        if (result !== undefined)
          options.onOutcome({ ...result, check: order.check, generation: order.generation });
      }),
    close: () => slots.close(),
  };
}

/** `undefined` if it was called off. */
async function runWithTimeout(
  order: CheckRun,
  allowExec: boolean,
  guard: EgressGuard,
  calledOff: AbortController,
): Promise<CheckResult | undefined> {
  const { timeout, outputMaxBytes } = order;
  const over = new AbortController();
  const run: RunContext = { signal: over.signal, timeout, outputMaxBytes, guard };
  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<CheckResult | undefined>((resolve) => {
    timer = setTimeout(
      () => resolve({ status: 'critical', output: `no answer in ${timeout / 1000} s` }),
      Math.min(timeout, MAX_TIMER_MS),
    ).unref();
    calledOff.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  try {
    const result = await Promise.race([ended, runCheck(order, run, allowExec)]);
    return calledOff.signal.aborted || result === undefined
      ? undefined
      : { ...result, output: truncateOutput(result.output, outputMaxBytes) };
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

/** Node's timers wrap around beyond this. */
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
        if (!allowExec) throw new Error('this agent does not start programs');
        return await runExec(probe, run);
    }
  } catch (error) {
    return { status: 'critical', output: describeError(error) };
  }
}

function guardOf(options: EgressGuardOptions): EgressGuard {
  try {
    return new EgressGuard(options);
  } catch (error) {
    throw new AgentError('config', `checks: ${describeError(error)}`);
  }
}
