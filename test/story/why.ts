/** What `hearsay why` would say at a host of a story: its own evidence, what the others answer, and the verdict. */

import type { AttributedEntry } from '../../src/agent/contract/evidence.ts';
import { diagnose } from '../../src/agent/evidence/diagnosis.ts';
import { buildDiagnosisInput, type Diagnosis } from '../../src/agent/evidence/findings.ts';
import { readWitnessReport } from '../../src/agent/evidence/witness-report.ts';
import type { QueryReport } from '../../src/serf/types.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';

export interface WhyResult extends Diagnosis {
  readonly statements: readonly AttributedEntry[];
  readonly answered: readonly string[];
  /** How long all answers took. */
  readonly took: number;
}

const TIMEOUT = 1000;

export function runWhy(tale: Story, observer: string, node: string, ask = true): WhyResult {
  const { world } = tale;
  const host = world.host(observer);
  const { view } = host.runningAgent;
  const others: AttributedEntry[] = [];
  const answered: string[] = [];
  const asked = world.now;
  let took = 0;
  if (ask) {
    const result = tale.runCommand(observer, { kind: 'queryWitnesses', node, timeout: TIMEOUT });
    if (!result.ok || result.value === undefined || !('acks' in result.value)) throw new Error('not asked');
    const { id } = result.value;
    const question = (): QueryReport => view.queryReport(id) as QueryReport;
    tale.runUntil(() => question().finished, '2s');
    took = world.now - asked;
    for (const { from, payload } of question().responses) {
      if (from === view.node) continue;
      answered.push(from);
      others.push(...(readWitnessReport(payload, from, node, host.toHostTime(asked)) ?? []));
    }
  }
  const matter = buildDiagnosisInput(
    view,
    node,
    { entries: others, witnesses: answered },
    (at) => `${Math.round(at / 1000)} s`,
  );
  return { ...diagnose(matter), statements: matter.entries, answered, took };
}
