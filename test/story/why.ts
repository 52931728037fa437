/** What `hearsay why` says at a host of a story: the diagnosis on its own evidence and on what witnesses report. */

import type { Investigation, NodeReport } from '../../src/agent/contract/evidence.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';

export interface WhyResult extends NodeReport {
  readonly answered: readonly string[];
  /** Time until all reports had arrived. */
  readonly took: number;
}

const TIMEOUT = 1000;

export function runWhy(story: Story, observer: string, node: string, ask = true): WhyResult {
  const { world } = story;
  const { view } = world.host(observer).runningAgent;
  const startedAt = world.now;
  const investigation = ask ? investigate(story, observer, node) : undefined;
  const report = view.diagnose(node, (at) => `${Math.round(at / 1000)} s`, investigation);
  if (report === undefined) throw new Error(`${observer} has never seen ${node}`);
  return { ...report, answered: investigation?.answered ?? [], took: world.now - startedAt };
}

function investigate(story: Story, observer: string, node: string): Investigation | undefined {
  const { view } = story.world.host(observer).runningAgent;
  const result = story.runCommand(observer, { kind: 'queryWitnesses', node, timeout: TIMEOUT });
  if (!result.ok || result.value === undefined || !('unreadable' in result.value))
    throw new Error('the witness query was refused');
  const { id } = result.value;
  story.runUntil(() => view.investigation(id)?.finished === true, '2s');
  return view.investigation(id);
}
