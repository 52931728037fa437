/**
 * L8: in the quiet period any two agents list the same failed and external nodes, with the same services and checks. An agent that
 * joined after a death shows what those show that were there.
 */
import type { SimHost } from '../../world/host.ts';
import type { World } from '../../world/world.ts';
import { canonicalText, entriesFromNode } from './histories.ts';

/** One line for each failed node that some running agent lists differently from another, or not at all. */
export function listingDisagreements(world: World): string[] {
  const running = [...world.hosts].filter((host) => host.running && host.options.serfPeer !== true);
  const names = new Set(running.flatMap((host) => [...failedNodes(host), ...externalNodes(host)]));
  const found: string[] = [];
  for (const name of [...names].sort()) {
    const [first, ...others] = running;
    if (first === undefined) continue;
    const expected = listingOf(first, name);
    for (const host of others)
      if (listingOf(host, name) !== expected)
        found.push(
          `${host.label} lists ${name} as ${listingOf(host, name)}, and ${first.label} as ${expected}`,
        );
  }
  return found;
}

const externalNodes = ({ runningAgent }: SimHost): string[] =>
  [...runningAgent.view.catalog.externalNodes()].map(({ name }) => name);

const failedNodes = ({ runningAgent }: SimHost): string[] =>
  runningAgent.view
    .members()
    .filter(({ status }) => status === 'failed')
    .map(({ name }) => name);

/** What readers see of a node that is down. A member that left is in no list of nodes. */
function listingOf({ runningAgent }: SimHost, name: string): string {
  const { view } = runningAgent;
  const external = view.catalog.externalNode(name);
  const member = view.member(name);
  const entries = [...entriesFromNode(view.catalog.node(name)).values()];
  if (external !== undefined)
    return [external.owner, external.address, ...entries.map(canonicalText).sort()].join(' ');
  if (member?.name !== name || member.status === 'left') return 'none';
  return [member.status, ...entries.map(canonicalText).sort()].join(' ');
}
