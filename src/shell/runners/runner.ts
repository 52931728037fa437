/** What a kind of check is to the others in this room: it runs once, in the bounds of a signal, and says how it went. */

import type { CheckProbe, CheckRun } from '../../checks/types.ts';
import type { CheckStatus } from '../../model/service.ts';
import type { EgressGuard } from './guard.ts';

export interface CheckResult {
  readonly status: CheckStatus;
  readonly output: string;
}

/**
 * Runs one check. It may reject: that is critical, with the error's message. When `signal` aborts nobody waits for it
 * any more, and it frees what it holds: sockets, timers, processes.
 */
export type Runner<K extends CheckRun['probe']['kind']> = (
  probe: Extract<CheckProbe, { kind: K }>,
  run: RunContext,
) => Promise<CheckResult>;

export interface RunContext {
  readonly signal: AbortSignal;
  readonly timeout: number;
  readonly outputMaxBytes: number;
  readonly guard: EgressGuard;
}

export const critical = (output: string): CheckResult => ({ status: 'critical', output });
export const passing = (output: string): CheckResult => ({ status: 'passing', output });

/** Runs `work`; what goes wrong in it is told after `words`, which say what was tried. */
export async function withErrorPrefix<T>(words: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Error(`${words}: ${describeError(error)}`);
  }
}

/** What went wrong, in words. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return describeError(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return (code === undefined ? undefined : ERROR_TEXTS.get(code)) ?? error.message;
}

const ERROR_TEXTS = new Map([
  ['ECONNREFUSED', 'connection refused'],
  ['ECONNRESET', 'connection reset by peer'],
  ['EPIPE', 'connection closed by peer'],
  ['ETIMEDOUT', 'connection timed out'],
  ['EHOSTUNREACH', 'no route to host'],
  ['ENETUNREACH', 'network is unreachable'],
  ['ENOTFOUND', 'no such host'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'the server does not speak TLS'],
  ['EAI_AGAIN', 'the name could not be resolved for now'],
]);
