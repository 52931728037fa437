/** How a container is, and how it ended, as the result of a check. */
import type { CheckStatus } from '../../model/service.ts';
import type { Container, ContainerState } from './container.ts';

export interface StateResult {
  readonly status: CheckStatus;
  readonly output: string;
}

/** As it stands now. A container whose HEALTHCHECK has not passed yet is critical, as Traefik and Consul have it. */
export function describeState({ name, state }: Container, node: string): StateResult {
  const its = `its container ${name} on ${node}`;
  if (state.kind === 'ended') return { status: 'critical', output: describeEnd(name, node, state) };
  if (state.kind !== 'running') return { status: 'critical', output: `${its} is ${state.kind}` };
  if (state.health === undefined) return { status: 'passing', output: `${its} is running` };
  const { status, output } = state.health;
  const detail = output === '' ? '' : `: ${output}`;
  if (status === 'starting')
    return { status: 'critical', output: `the HEALTHCHECK of ${its.slice(4)} has not passed yet${detail}` };
  return status === 'healthy'
    ? { status: 'passing', output: `the HEALTHCHECK of ${its.slice(4)} passes${detail}` }
    : { status: 'critical', output: `the HEALTHCHECK of ${its.slice(4)} fails${detail}` };
}

/** What is known of an end: the engine tells the exit code at once, and whether memory was the reason a moment later. */
export type End = Pick<ContainerState, 'exitCode' | 'outOfMemory'>;

/** An exit code above this is a signal. Source: POSIX shells, which engines follow. */
const SIGNAL = 128;
const SIGNALS: ReadonlyMap<number, string> = new Map([
  [4, 'by an illegal instruction'],
  [6, 'by abort'],
  [7, 'by a bus error'],
  [8, 'by an arithmetic error'],
  [11, 'by a segmentation fault'],
]);
const KILLED = SIGNAL + 9;
const TERMINATED = SIGNAL + 15;

/** One sentence without a full stop: `its container web-1 on b was killed for memory (137)`. */
export function describeEnd(name: string, node: string, end: End | undefined): string {
  const its = name === '' ? `its container on ${node}` : `its container ${name} on ${node}`;
  if (end === undefined) return `${its} was removed`;
  const { exitCode, outOfMemory } = end;
  if (outOfMemory) return `${its} was killed for memory (${exitCode})`;
  if (exitCode === 0) return `${its} ended (0)`;
  if (exitCode === KILLED) return `${its} was killed (${exitCode})`;
  if (exitCode === TERMINATED) return `${its} was stopped (${exitCode})`;
  const signal = SIGNALS.get(exitCode - SIGNAL);
  return signal === undefined ? `${its} failed (${exitCode})` : `${its} was ended ${signal} (${exitCode})`;
}

/** It ended in order: nobody will ask why. */
export const isOrderly = (end: End | undefined): boolean =>
  end === undefined || (!end.outOfMemory && (end.exitCode === 0 || end.exitCode === TERMINATED));

/** It was ended by force, for a reason that the exit code does not tell. */
export const isKill = ({ exitCode }: End): boolean => exitCode === KILLED;
