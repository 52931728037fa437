/** What `hearsay why` would say at a host of a story: its own evidence, what the others answer, and the verdict. */

import type { Statement } from '../../src/agent/contract/evidence.ts';
import { judge } from '../../src/agent/evidence/diagnosis.ts';
import { matterOf, type Verdict } from '../../src/agent/evidence/findings.ts';
import { readTestimony } from '../../src/agent/evidence/witness-report.ts';
import type { AskedQuestion } from '../../src/serf/types.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';

export interface Why extends Verdict {
  readonly statements: readonly Statement[];
  readonly answered: readonly string[];
  /** How long all answers took. */
  readonly took: number;
}

const TIMEOUT = 1000;

export function why(tale: Story, observer: string, node: string, ask = true): Why {
  const { world } = tale;
  const host = world.host(observer);
  const { view } = host.live;
  const others: Statement[] = [];
  const answered: string[] = [];
  const asked = world.now;
  let took = 0;
  if (ask) {
    const result = tale.answer(observer, { kind: 'inquire', node, timeout: TIMEOUT });
    if (!result.ok || result.value === undefined || !('acks' in result.value)) throw new Error('not asked');
    const { id } = result.value;
    const question = (): AskedQuestion => view.question(id) as AskedQuestion;
    tale.until(() => question().finished, '2s');
    took = world.now - asked;
    for (const { from, payload } of question().responses) {
      if (from === view.node) continue;
      answered.push(from);
      others.push(...(readTestimony(payload, from, node, host.time(asked)) ?? []));
    }
  }
  const matter = matterOf(view, node, { statements: others, answered }, (at) => `${Math.round(at / 1000)} s`);
  return { ...judge(matter), statements: matter.statements, answered, took };
}
