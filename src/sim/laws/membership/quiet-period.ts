/**
 * What the quiet period must bring besides agreement: no broadcast is left (L5), local health is good everywhere (L6),
 * and no state changes any more (L7).
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { SimHost } from '../../world/host.ts';
import type { World } from '../../world/world.ts';
import type { Law } from '../law.ts';

/** L5 and L6: one line for each host that has a broadcast left or a bad local health. */
export function unsettledHosts(world: World): string[] {
  const found: string[] = [];
  for (const { label, agent } of world.hosts) {
    if (agent === undefined) continue;
    const { lanes, awareness } = agent.view.health();
    for (const [lane, size] of Object.entries(lanes))
      if (size > 0) found.push(`L5 ${label} has ${size} messages left to send in ${lane}`);
    if (awareness > 0) found.push(`L6 ${label} has a local health of ${awareness}`);
  }
  return found;
}

/** L7: counts how often an observer changed its view of who is a member. Suspicions that are cleared do not count. */
export class MembershipChangeCounter implements Law {
  count = 0;
  /** The last change. */
  last = '';

  onFact(host: SimHost, fact: Fact): void {
    switch (fact.kind) {
      case 'memberDiscovered':
      case 'memberReturned':
      case 'memberDeclaredDead':
      case 'memberFailed':
      case 'failedMemberLearned':
        this.count += 1;
        this.last = `${host.label} ${fact.kind} ${fact.node}`;
    }
  }
}
