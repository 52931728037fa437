import { describe, expect, test } from 'vitest';
import type { EvidenceEntry } from '../../../../src/agent/contract/evidence.ts';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import { EVIDENCE_LIMITS, EvidenceLog } from '../../../../src/agent/evidence/log.ts';
import type { AccusationReason, ProbeReason } from '../../../../src/swim/types.ts';

const WORD: AccusationReason = { kind: 'message', by: 'cat', source: '10.0.0.3:7946' };
const PROBE: ProbeReason = {
  ...{ kind: 'probe', seqNo: 1, durationMs: 1000, helpers: ['cat'], nacks: 1 },
  ...{ stream: true, awareness: 0, latenessMs: 3 },
};
const suspected = (node: string, reason: AccusationReason = WORD, by = 'cat'): Fact => ({
  ...{ kind: 'memberSuspected', node, by, incarnation: 1, deadline: 9000 },
  reason,
});
const refused = (node: string, by: string, source = '10.0.0.9:7946'): Fact => ({
  ...{ kind: 'accusationRateLimited', node, by, source },
});

class Watched {
  readonly members = new Set(['ann', 'bob', 'cat']);
  readonly evidence = new EvidenceLog('ann', (name) => this.members.has(name));

  note(now: number, ...facts: Fact[]): this {
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

describe('what is kept', () => {
  test('facts with their time, in order; what has nothing to do with blame is not', () => {
    const watched = new Watched()
      .note(10, { kind: 'memberDiscovered', node: 'bob', address: '10.0.0.2:7946' })
      .note(20, suspected('bob'), { kind: 'incarnationRaised', node: 'bob', incarnation: 2 })
      .note(30, { kind: 'suspicionCleared', node: 'bob', incarnation: 2, source: '10.0.0.2:7946' });
    expect(watched.about('bob').map(({ at, fact }) => [at, fact.kind])).toEqual([
      [20, 'memberSuspected'],
      [30, 'suspicionCleared'],
    ]);
    expect(watched.evidence.forNode('cat')).toBeUndefined();
  });

  test('effects before the given index were seen before', () => {
    const { evidence } = new Watched();
    evidence.record([{ kind: 'fact', fact: suspected('bob') }], 1, 10);
    expect(evidence.forNode('bob')).toBeUndefined();
  });

  test('a probe that became an accusation is told once, one that did not is told itself', () => {
    const failed: Fact = { kind: 'probeFailed', node: 'bob', awareness: 1, reason: PROBE };
    const watched = new Watched().note(10, failed, suspected('bob', PROBE, 'ann'));
    expect(watched.kinds('bob')).toEqual(['memberSuspected']);
    watched.note(1010, { ...failed, reason: { ...PROBE, seqNo: 2 } });
    expect(watched.kinds('bob')).toEqual(['memberSuspected', 'probeFailed']);
  });

  test("Serf's word for a death is no second death", () => {
    const dead = {
      kind: 'memberDeclaredDead',
      node: 'bob',
      by: 'cat',
      incarnation: 1,
      reason: WORD,
    } as const;
    const watched = new Watched().note(10, { ...dead, left: false }, { kind: 'memberFailed', node: 'bob' });
    watched.note(500, { kind: 'memberLeft', node: 'bob' }); // an operator's
    expect(watched.kinds('bob')).toEqual(['memberDeclaredDead', 'memberLeft']);
  });

  test('what is said again and again is counted, whoever else speaks in between', () => {
    const watched = new Watched();
    for (let i = 0; i < 50; i++) watched.note(i, refused('bob', 'cat'), refused('bob', 'dan'));
    expect(watched.about('bob').map(({ at, lastAt, count }) => [at, lastAt, count])).toEqual([
      [0, 49, 50],
      [0, 49, 50],
    ]);
  });

  test('about ourselves: who accused us, our own lateness, and when we were started', () => {
    const watched = new Watched()
      .note(0, { kind: 'agentStarted', node: 'ann', address: '10.0.0.1:7946', encrypted: false })
      .note(5, { kind: 'stalled', latenessMs: 2100 }, { kind: 'awarenessChanged', awareness: 1 })
      .note(5, { kind: 'suspicionRefuted', incarnation: 2, by: 'cat', source: '10.0.0.3:7946' });
    expect(watched.kinds('ann')).toEqual(['agentStarted', 'suspicionRefuted', 'stalled', 'awarenessChanged']);
  });

  test('I10: how we were ourselves stands beside what we held against another at that time, and only then', () => {
    const watched = new Watched()
      .note(10_000, { kind: 'stalled', latenessMs: 400 })
      .note(60_000, { kind: 'stalled', latenessMs: 2100 }, suspected('bob', PROBE, 'ann'))
      .note(90_000, { kind: 'stalled', latenessMs: 500 });
    expect(watched.kinds('bob')).toEqual(['memberSuspected', 'stalled']);
    expect(watched.about('bob')[1]?.fact).toMatchObject({ latenessMs: 2100 });
  });

  test('a way has two ends: a cut one is in our own story as well', () => {
    const watched = new Watched().note(5, { kind: 'linkOneWay', node: 'bob', rounds: 4, by: 'stream' });
    expect([watched.kinds('bob'), watched.kinds('ann')]).toEqual([['linkOneWay'], ['linkOneWay']]);
  });
});

describe('S1 I11: bounds', () => {
  test('of one member the oldest goes first, and it is said how many did', () => {
    const watched = new Watched();
    for (let i = 0; i < 100; i++) watched.note(i, suspected('bob'));
    const { entries: exhibits, dropped } = watched.evidence.forNode('bob') ?? { entries: [], dropped: 0 };
    expect([exhibits.length, exhibits[0]?.at, dropped]).toEqual([EVIDENCE_LIMITS.telling, 68, 68]);
  });

  test('a flood of what anybody can cause pushes out nothing that tells', () => {
    const watched = new Watched().note(0, suspected('bob', PROBE, 'ann'));
    for (let i = 1; i < 5000; i++) watched.note(i, refused('bob', `n${i}`, `10.9.${i >> 8}.${i & 255}:1`));
    const kinds = watched.kinds('bob');
    expect([kinds[0], kinds.length]).toEqual(['memberSuspected', 1 + EVIDENCE_LIMITS.noise]);
  });

  test('a flood of invented names costs the members nothing', () => {
    const watched = new Watched().note(0, suspected('bob'));
    for (let i = 0; i < 20_000; i++)
      watched.note(i, { kind: 'memberUnverified', node: `ghost-${i}`, address: '10.9.9.9:1' });
    const { names, exhibits } = watched.evidence.size;
    expect(names).toBeLessThanOrEqual(EVIDENCE_LIMITS.strangers.nameCount + 2);
    expect(exhibits).toBeLessThanOrEqual(EVIDENCE_LIMITS.strangers.entryCount + 1);
    expect(watched.kinds('bob')).toEqual(['memberSuspected']);
    expect(watched.kinds('ghost-19999')).toEqual(['memberUnverified']);
    expect(watched.kinds('ghost-0')).toEqual([]);
  });

  test('of too many members those of whom nothing was heard for longest are forgotten', () => {
    const watched = new Watched();
    const { nameCount: names, entryCount: exhibits } = EVIDENCE_LIMITS.members;
    for (let i = 0; i < 3 * names; i++) {
      watched.members.add(`m${i}`);
      for (let n = 0; n < 12; n++) watched.note(i, suspected(`m${i}`));
      if (i % 100 === 0) watched.note(i, suspected('m0'));
    }
    const { size } = watched.evidence;
    expect(size.names).toBeLessThanOrEqual(names + 1);
    expect(size.exhibits).toBeLessThanOrEqual(exhibits);
    expect(size.exhibits).toBeGreaterThan(exhibits / 2);
    expect([watched.kinds('m1').length, watched.kinds('m0').length > 0]).toEqual([0, true]);
  });

  test('our own state takes no more than its room', () => {
    const watched = new Watched();
    for (let i = 0; i < 1000; i++)
      watched.note(i, { kind: 'stalled', latenessMs: i }, { kind: 'awarenessChanged', awareness: i % 8 });
    expect(watched.evidence.size.exhibits).toBe(EVIDENCE_LIMITS.ours + EVIDENCE_LIMITS.health);
  });

  test('I11: it outlives the row, and a name that was a member’s stays one', () => {
    const watched = new Watched().note(0, suspected('bob'));
    watched.members.delete('bob');
    watched.note(10, { kind: 'memberDropped', node: 'bob' });
    for (let i = 0; i < 1000; i++)
      watched.note(i, { kind: 'memberUnverified', node: `ghost-${i}`, address: '10.9.9.9:1' });
    expect(watched.kinds('bob')).toEqual(['memberSuspected', 'memberDropped']);
  });
});
