/** The contract of a runner, which executes one kind of check once, until a signal aborts. */

import { describeError } from '../../base/errno.ts';
import type { CheckProbe, CheckRun } from '../../checks/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { ProgramUser } from '../program.ts';
import type { EgressGuard } from './guard.ts';

export interface CheckResult {
  readonly status: CheckStatus;
  readonly output: string;
}

/**
 * Runs one check. A rejection means critical, with the error's message as output. When `signal` aborts, the result is
 * discarded, and the runner must free its sockets, timers and processes.
 */
export type Runner<K extends CheckRun['probe']['kind']> = (
  probe: Extract<CheckProbe, { kind: K }>,
  run: RunContext,
) => Promise<CheckResult>;

export interface RunContext {
  readonly signal: AbortSignal;
  /** Milliseconds. */
  readonly timeout: number;
  readonly outputMaxBytes: number;
  readonly guard: EgressGuard;
  /** As whom programs run; absent: the user of the agent. */
  readonly execUser?: ProgramUser;
}

export const critical = (output: string): CheckResult => ({ status: 'critical', output });
export const passing = (output: string): CheckResult => ({ status: 'passing', output });

/** Runs `work`, and puts `label` in front of its error: it says what was tried. */
export async function withErrorPrefix<T>(label: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${label}: ${describeError(error)}`);
  }
}
