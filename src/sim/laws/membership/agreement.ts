/**
 * L1: every running host is alive at every running host, at one incarnation. L2: no host that does not run is up anywhere.
 */
import type { SimHost } from '../../world/host.ts';
import type { World } from '../../world/world.ts';

export interface Disagreement {
  readonly observer: SimHost;
  /** The name of whom it is about. */
  readonly member: string;
  readonly what: string;
}

/** One line for each disagreement. */
export const disagreements = (world: World): string[] => findDisagreements(world).map(({ what }) => what);

export function findDisagreements(world: World): Disagreement[] {
  const running = [...world.hosts].filter((host) => host.running);
  const names = new Set(running.map((host) => host.name));
  const found: Disagreement[] = [];
  const selves = running.map((host) => ({ host, incarnation: host.runningAgent.view.self().incarnation }));
  for (const observer of running) {
    const add = (member: string, seen: string): void => {
      found.push({ observer, member, what: `${observer.label} sees ${member}${seen}` });
    };
    for (const { host, incarnation } of selves) {
      const seen = seenDifferently(observer, host, incarnation, running);
      if (seen !== undefined) add(host.name, seen);
    }
    for (const { name, status } of observer.runningAgent.view.members())
      if (!names.has(name) && status !== 'left' && status !== 'failed')
        add(name, ` as ${status}, which does not run`);
  }
  return found;
}

/** As what the observer sees a host that runs, at this incarnation; `undefined`: as what it is. */
function seenDifferently(
  { runningAgent }: SimHost,
  { name, address }: SimHost,
  incarnation: number,
  running: readonly SimHost[],
): string | undefined {
  const member = runningAgent.view.member(name);
  if (member?.status !== 'alive') return ` as ${member?.status ?? 'unknown'}`;
  if (member.incarnation !== incarnation) return `@${member.incarnation} instead of @${incarnation}`;
  if (member.address.key === address.key) return undefined;
  const isOnlyBearer = running.filter((one) => one.name === name).length === 1;
  return isOnlyBearer ? ` at ${member.address.key} instead of ${address.key}` : undefined;
}
