/** What the episodes of a story share: who is in it, what was noticed, and what is true. */
import type { Cause, Diagnosis, Finding } from '../../src/agent/contract/evidence.ts';
import type { Rng } from '../../src/base/rng.ts';
import type { Millis } from '../../src/base/time.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';

export interface Scene {
  readonly story: Story;
  readonly rng: Rng;
  /** The member that is asked about. */
  readonly node: string;
  /** Another member, whose own trouble must not be taken for that of the node. */
  readonly other: string;
  /** All members but the node and the other one. */
  readonly rest: readonly string[];
  /** Who is asked. It is `node` only in episodes that end with the node alive. */
  readonly observer: string;
}

/** The answers that are right. */
export interface Truth {
  readonly findings: readonly Finding[];
  readonly accusations: readonly Diagnosis['accusation'][];
  readonly causes: readonly (Cause | undefined)[];
  /** The accusation was made at this time, or later. */
  readonly since: Millis;
}

/** Lets something happen to the node, and returns at the moment at which the observer is asked. */
export interface Episode {
  readonly name: string;
  /** The node is alive when it is over, so that another episode may follow. */
  readonly endsAlive: boolean;
  /** `undefined`: nobody noticed anything. */
  run(scene: Scene): Truth | undefined;
}

export const between = (rng: Rng, low: number, high: number): number => low + rng.next() * (high - low);
export const pick = <T>(rng: Rng, list: readonly T[]): T => list[rng.int(list.length)] as T;
export const pass = (scene: Scene, low: Millis, high: Millis): void =>
  scene.story.run(`${Math.round(between(scene.rng, low, high))}ms`);

/** Waits until all members show one another alive, so that each can be asked. */
export function waitUntilWhole({ story, node, other, rest }: Scene): void {
  const names = [node, other, ...rest];
  const isWhole = (): boolean =>
    names.every((from) => names.every((to) => story.member(from, to)?.status === 'alive'));
  if (!story.runUntil(isWhole, '3m')) throw new Error('the members did not find one another again');
}

/** Waits until the observer shows the node so. Throws if it does not: then there is nothing to ask. */
export function waitFor(
  { story, observer, node }: Scene,
  statuses: readonly string[],
  address?: string,
): void {
  const isShown = (): boolean => {
    const member = story.member(observer, node);
    const isThere = address === undefined || member?.address.key === address;
    return isThere && statuses.includes(member?.status ?? 'absent');
  };
  if (!story.runUntil(isShown, '3m'))
    throw new Error(`${observer} never showed ${node} ${statuses.join(' or ')}`);
}

/** Counts the accusations of the node by now; more of them later say that what happened since was noticed. */
export const countAccusations = ({ story, node }: Scene): number =>
  story.facts('memberSuspected').filter((fact) => fact.node === node).length +
  story.facts('memberDeclaredDead').filter((fact) => fact.node === node && !fact.left).length;

/** What is right of a member that was never accused. */
export const untouched = (since: Millis): Truth => ({
  ...{ findings: ['clean'], accusations: [undefined], causes: [undefined], since },
});
