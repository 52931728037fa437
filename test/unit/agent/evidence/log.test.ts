import { describe, expect, test } from 'vitest';
import type { EvidenceEntry } from '../../../../src/agent/contract/evidence.ts';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import { EVIDENCE_LIMITS, EvidenceLog } from '../../../../src/agent/evidence/log.ts';
import type { AccusationReason, ProbeReason } from '../../../../src/swim/types.ts';

const MESSAGE: AccusationReason = { kind: 'message', by: 'cat', source: '10.0.0.3:7946' };
const PROBE: ProbeReason = {
  ...{ kind: 'probe', seqNo: 1, durationMs: 1000, helpers: ['cat'], nacks: 1 },
  ...{ stream: true, awareness: 0, latenessMs: 3 },
};
const suspected = (node: string, reason: AccusationReason = MESSAGE, by = 'cat'): Fact => ({
  ...{ kind: 'memberSuspected', node, by, incarnation: 1, deadline: 9000 },
  reason,
});
const refused = (node: string, by: string, source = '10.0.0.9:7946'): Fact => ({
  ...{ kind: 'accusationRateLimited', node, by, source },
});

/** The evidence log of `ann`. */
class LogOfAnn {
  readonly members = new Set(['ann', 'bob', 'cat']);
  readonly evidence = new EvidenceLog('ann', (name) => this.members.has(name));

  record(now: number, ...facts: Fact[]): this {
    this.evidence.record(
      facts.map((fact) => ({ kind: 'fact', fact })),
      0,
      now,
    );
    return this;
  }

  about(node: string): readonly EvidenceEntry[] {
    return this.evidence.forNode(node)?.entries ?? [];
  }

  kinds(node: string): string[] {
    return this.about(node).map(({ fact }) => fact.kind);
  }
}

describe('what is recorded', () => {
  test('facts that bear on accusations, with their time and in order', () => {
    const log = new LogOfAnn()
      .record(10, { kind: 'memberDiscovered', node: 'bob', address: '10.0.0.2:7946' })
      .record(20, suspected('bob'), { kind: 'incarnationRaised', node: 'bob', incarnation: 2 })
      .record(30, { kind: 'suspicionCleared', node: 'bob', incarnation: 2, source: '10.0.0.2:7946' });
    expect(log.about('bob').map(({ at, fact }) => [at, fact.kind])).toEqual([
      [20, 'memberSuspected'],
      [30, 'suspicionCleared'],
    ]);
    expect(log.evidence.forNode('cat')).toBeUndefined();
  });

  test('effects before the given index are ignored', () => {
    const { evidence } = new LogOfAnn();
    evidence.record([{ kind: 'fact', fact: suspected('bob') }], 1, 10);
    expect(evidence.forNode('bob')).toBeUndefined();
  });

  test('a failed probe is part of the accusation it led to, and an entry of its own if it led to none', () => {
    const failed: Fact = { kind: 'probeFailed', node: 'bob', awareness: 1, reason: PROBE };
    const log = new LogOfAnn().record(10, failed, suspected('bob', PROBE, 'ann'));
    expect(log.kinds('bob')).toEqual(['memberSuspected']);
    log.record(1010, { ...failed, reason: { ...PROBE, seqNo: 2 } });
    expect(log.kinds('bob')).toEqual(['memberSuspected', 'probeFailed']);
  });

  test("Serf's report of a death is no second death", () => {
    const dead = {
      kind: 'memberDeclaredDead',
      node: 'bob',
      by: 'cat',
      incarnation: 1,
      reason: MESSAGE,
    } as const;
    const log = new LogOfAnn().record(10, { ...dead, left: false }, { kind: 'memberFailed', node: 'bob' });
    log.record(500, { kind: 'memberLeft', node: 'bob' }); // an operator's
    expect(log.kinds('bob')).toEqual(['memberDeclaredDead', 'memberLeft']);
  });

  test('equal facts are counted in one entry, also if others come in between', () => {
    const log = new LogOfAnn();
    for (let i = 0; i < 50; i++) log.record(i, refused('bob', 'cat'), refused('bob', 'dan'));
    expect(log.about('bob').map(({ at, lastAt, count }) => [at, lastAt, count])).toEqual([
      [0, 49, 50],
      [0, 49, 50],
    ]);
  });

  test('about this agent itself: its accusers, its own lateness, and its start', () => {
    const log = new LogOfAnn()
      .record(0, { kind: 'agentStarted', node: 'ann', address: '10.0.0.1:7946', encrypted: false })
      .record(5, { kind: 'stalled', latenessMs: 2100 }, { kind: 'awarenessChanged', awareness: 1 })
      .record(5, { kind: 'suspicionRefuted', incarnation: 2, by: 'cat', source: '10.0.0.3:7946' });
    expect(log.kinds('ann')).toEqual(['agentStarted', 'suspicionRefuted', 'stalled', 'awarenessChanged']);
  });

  test('I10: our own stalls are shown beside a probe of ours that they overlap, and nowhere else', () => {
    const log = new LogOfAnn()
      .record(10_000, { kind: 'stalled', latenessMs: 400 })
      .record(58_000, { kind: 'stalled', latenessMs: 300 })
      .record(60_000, { kind: 'stalled', latenessMs: 2100 }, suspected('bob', PROBE, 'ann'))
      .record(62_000, { kind: 'stalled', latenessMs: 500 })
      .record(90_000, { kind: 'stalled', latenessMs: 500 });
    expect(log.kinds('bob')).toEqual(['memberSuspected', 'stalled']);
    expect(log.about('bob')[1]?.fact).toMatchObject({ latenessMs: 2100 });
  });

  test('of our own stalls, small ones are shown where we were accused, and severe ones always', () => {
    const refuted: Fact = { kind: 'suspicionRefuted', incarnation: 2, by: 'cat', source: '10.0.0.3:7946' };
    const log = new LogOfAnn();
    for (let i = 0; i < 10; i++) log.record(i * 100, { kind: 'stalled', latenessMs: 130 });
    log.record(20_000, { kind: 'stalled', latenessMs: 4000 });
    expect(log.kinds('ann')).toEqual(['stalled']);
    log.record(40_000, { kind: 'stalled', latenessMs: 400 }).record(40_500, refuted);
    expect(log.kinds('ann')).toEqual(['stalled', 'stalled', 'suspicionRefuted']);
  });

  test('small stalls evict no severe one', () => {
    const log = new LogOfAnn().record(0, { kind: 'stalled', latenessMs: 20_000 });
    for (let i = 1; i < 100; i++) log.record(i * 1000, { kind: 'stalled', latenessMs: 137 });
    expect(log.about('ann').map(({ fact }) => fact)).toEqual([{ kind: 'stalled', latenessMs: 20_000 }]);
  });

  test('refutations of one accuser are one entry within an incident, and another in the next', () => {
    const refuted: Fact = { kind: 'suspicionRefuted', incarnation: 2, by: 'cat', source: '10.0.0.3:7946' };
    const log = new LogOfAnn();
    for (const at of [0, 500, 60_000]) log.record(at, refuted);
    expect(log.about('ann').map(({ at, lastAt, count }) => [at, lastAt, count])).toEqual([
      [0, 500, 2],
      [60_000, 60_000, 1],
    ]);
  });

  test('a member that is known anew after its row was dropped: there its former life ends', () => {
    const discovered: Fact = { kind: 'memberDiscovered', node: 'bob', address: '10.0.0.9:7946' };
    const log = new LogOfAnn().record(0, discovered).record(10, suspected('bob')).record(20, discovered);
    expect(log.kinds('bob')).toEqual(['memberSuspected', 'memberDiscovered']);
  });

  test('a link has two ends: a one-way link is evidence about this agent as well', () => {
    const log = new LogOfAnn().record(5, { kind: 'linkOneWay', node: 'bob', rounds: 4, by: 'stream' });
    expect([log.kinds('bob'), log.kinds('ann')]).toEqual([['linkOneWay'], ['linkOneWay']]);
  });
});

describe('S1 I11: bounds', () => {
  test('the oldest entries of a member are evicted first, and counted', () => {
    const log = new LogOfAnn();
    for (let i = 0; i < 100; i++) log.record(i, suspected('bob'));
    const { entries, dropped } = log.evidence.forNode('bob') ?? { entries: [], dropped: 0 };
    expect([entries.length, entries[0]?.at, dropped]).toEqual([EVIDENCE_LIMITS.relevant, 68, 68]);
  });

  test('a flood of facts that any stranger can cause evicts no relevant entry', () => {
    const log = new LogOfAnn().record(0, suspected('bob', PROBE, 'ann'));
    for (let i = 1; i < 5000; i++) log.record(i, refused('bob', `n${i}`, `10.9.${i >> 8}.${i & 255}:1`));
    const kinds = log.kinds('bob');
    expect([kinds[0], kinds.length]).toEqual(['memberSuspected', 1 + EVIDENCE_LIMITS.noise]);
  });

  test('a flood of invented names evicts nothing about members', () => {
    const log = new LogOfAnn().record(0, suspected('bob'));
    for (let i = 0; i < 20_000; i++)
      log.record(i, { kind: 'memberUnverified', node: `ghost-${i}`, address: '10.9.9.9:1' });
    const { names, entries } = log.evidence.size;
    expect(names).toBeLessThanOrEqual(EVIDENCE_LIMITS.outsiders.nameCount + 2);
    expect(entries).toBeLessThanOrEqual(EVIDENCE_LIMITS.outsiders.entryCount + 1);
    expect(log.kinds('bob')).toEqual(['memberSuspected']);
    expect(log.kinds('ghost-19999')).toEqual(['memberUnverified']);
    expect(log.kinds('ghost-0')).toEqual([]);
  });

  test('of too many members the least recently written are evicted', () => {
    const log = new LogOfAnn();
    const { nameCount, entryCount } = EVIDENCE_LIMITS.members;
    for (let i = 0; i < 3 * nameCount; i++) {
      log.members.add(`m${i}`);
      for (let n = 0; n < 12; n++) log.record(i, suspected(`m${i}`));
      if (i % 100 === 0) log.record(i, suspected('m0'));
    }
    const { size } = log.evidence;
    expect(size.names).toBeLessThanOrEqual(nameCount + 1);
    expect(size.entries).toBeLessThanOrEqual(entryCount);
    expect(size.entries).toBeGreaterThan(entryCount / 2);
    expect([log.kinds('m1').length, log.kinds('m0').length > 0]).toEqual([0, true]);
    expect(log.evidence.forNode('m1')?.isComplete).toBe(false);
  });

  test('entries about our own state are bounded', () => {
    const log = new LogOfAnn();
    for (let i = 0; i < 1000; i++)
      log.record(i, { kind: 'stalled', latenessMs: i }, { kind: 'awarenessChanged', awareness: i % 8 });
    const { stall, severeStall, health } = EVIDENCE_LIMITS;
    for (let i = 1000; i < 1100; i++) log.record(i, { kind: 'stalled', latenessMs: i });
    expect(log.evidence.size.entries).toBe(stall + severeStall + health);
  });

  test('I11: evidence outlives the row, and the name of a former member counts as a member’s', () => {
    const log = new LogOfAnn().record(0, suspected('bob'));
    log.members.delete('bob');
    log.record(10, { kind: 'memberDropped', node: 'bob', address: '10.0.0.2:7946' });
    for (let i = 0; i < 1000; i++)
      log.record(i, { kind: 'memberUnverified', node: `ghost-${i}`, address: '10.9.9.9:1' });
    expect(log.kinds('bob')).toEqual(['memberSuspected', 'memberDropped']);
  });
});
