import { describe, expect, test } from 'vitest';
import type { EvidenceFact, NodeEvidence } from '../../../../src/agent/contract/evidence.ts';
import { WitnessReportCollector } from '../../../../src/agent/evidence/investigation.ts';
import { buildWitnessReport } from '../../../../src/agent/evidence/witness-report.ts';
import type { QueryReport } from '../../../../src/serf/types.ts';
import { createStory } from '../../../../src/sim/scenarios/story.ts';

const SEEN: EvidenceFact = {
  ...{ kind: 'memberSuspected', node: 'bob', by: 'cat', incarnation: 3, deadline: 9000 },
  reason: {
    ...{ kind: 'probe', seqNo: 7, durationMs: 1000, helpers: ['dan', 'eve'], nacks: 2 },
    ...{ stream: false, awareness: 0, latenessMs: 0 },
  },
};
const EVIDENCE: NodeEvidence = {
  node: 'bob',
  entries: [{ at: 400, lastAt: 400, count: 1, fact: SEEN }],
  dropped: 0,
  isComplete: true,
};
/** What `cat` reports when its clock stands at 1400: it suspected bob a second ago. */
const REPORT = buildWitnessReport(EVIDENCE, undefined, 'cat', 1400);
const JUNK = Uint8Array.of(0xc1, 1, 2);

const query = (responses: QueryReport['responses'], finished = false): QueryReport => ({
  ...{ id: 9, name: 'why', timeout: 1000, finished, expected: 3, acks: [], responses },
});

describe('the reports of witnesses', () => {
  test('are read as they come, at the time they come; one that cannot be read is named', () => {
    const collector = new WitnessReportCollector('ann', 'bob', query([]), 4000);
    const running = collector.investigation;
    expect(running).toMatchObject({ id: 9, node: 'bob', finished: false, answered: [], entries: [] });
    const first = [{ from: 'cat', payload: REPORT }];
    collector.update(query(first), 5000);
    collector.update(query([...first, { from: 'dan', payload: JUNK }], true), 6000);

    expect(collector.investigation).toMatchObject({ finished: true, answered: ['cat'], unreadable: ['dan'] });
    expect(collector.investigation.entries).toEqual([
      { by: 'cat', at: 4000, lastAt: 4000, count: 1, fact: { ...SEEN, deadline: 12_600 } },
    ]);
    expect(running.answered).toEqual([]); // what a reader holds does not change
  });

  test('of this agent itself, and repeated ones, count for nothing', () => {
    const cat = { from: 'cat', payload: REPORT };
    const collector = new WitnessReportCollector(
      'ann',
      'bob',
      query([{ from: 'ann', payload: REPORT }, cat, cat]),
      5000,
    );
    expect(collector.investigation).toMatchObject({ answered: ['cat'], unreadable: [] });
    expect(collector.investigation.entries).toHaveLength(1);
  });

  test('S1: many witnesses do not make an endless report', () => {
    const responses = Array.from({ length: 500 }, (_, i) => ({ from: `n${i}`, payload: REPORT }));
    expect(REPORT.length).toBeLessThan(824);
    const { investigation } = new WitnessReportCollector('ann', 'bob', query(responses, true), 5000);
    expect([investigation.answered.length, investigation.entries.length]).toEqual([500, 64]);
  });
});

describe('an investigation in the agent', () => {
  test('is read from the view, which says when it has changed, and ends when all have answered', () => {
    const tale = createStory('ann bob cat', { seed: 3 });
    const { view } = tale.world.host('ann').runningAgent;
    const result = tale.runCommand('ann', { kind: 'queryWitnesses', node: 'bob', timeout: 1000 });
    if (!result.ok || result.value === undefined || !('unreadable' in result.value))
      throw new Error('the witness query was refused');
    const { id } = result.value;
    const index = view.indexOf([`query:${id}`]);
    expect(view.investigation(id)).toMatchObject({ node: 'bob', finished: false });
    expect(tale.runUntil(() => view.investigation(id)?.finished === true, '500ms')).toBe(true);
    expect(view.investigation(id)).toMatchObject({ answered: ['bob', 'cat'], unreadable: [] });
    expect(view.indexOf([`query:${id}`])).toBeGreaterThan(index);
    expect(view.investigation(id + 1)).toBeUndefined();
  });

  test('32 are retained, the latest; the oldest that has ended is dropped', () => {
    const tale = createStory('ann bob', { seed: 4 });
    const { view } = tale.world.host('ann').runningAgent;
    const ids = Array.from({ length: 33 }, () => {
      const result = tale.runCommand('ann', { kind: 'queryWitnesses', node: 'bob', timeout: 500 });
      if (!result.ok || result.value === undefined || !('unreadable' in result.value))
        throw new Error('the witness query was refused');
      const { id } = result.value;
      tale.runUntil(() => view.investigation(id)?.finished === true, '1s');
      return id;
    });
    expect(ids.map((id) => view.investigation(id) !== undefined)).toEqual([
      false,
      ...new Array(32).fill(true),
    ]);
  });
});
