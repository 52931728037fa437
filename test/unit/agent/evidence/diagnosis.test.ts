import { describe, expect, test } from 'vitest';
import type { AttributedEntry, EvidenceFact } from '../../../../src/agent/contract/evidence.ts';
import { diagnose } from '../../../../src/agent/evidence/diagnosis.ts';
import type { DiagnosisInput } from '../../../../src/agent/evidence/findings.ts';
import type { ProbeReason } from '../../../../src/swim/types.ts';

const probe = (changes: Partial<ProbeReason> = {}): ProbeReason => ({
  ...{ kind: 'probe', seqNo: 1, durationMs: 1000, helpers: ['a', 'b', 'c'], nacks: 3 },
  ...{ stream: false, awareness: 0, latenessMs: 0 },
  ...changes,
});
const entry = (by: string, at: number, fact: EvidenceFact): AttributedEntry => ({
  ...{ by, at, lastAt: at, count: 1 },
  fact,
});
const suspected = (by: string, at: number, reason = probe()): AttributedEntry =>
  entry(by, at, {
    kind: 'memberSuspected',
    node: 'db-3',
    by,
    incarnation: 1,
    deadline: at + 4000,
    reason,
  });
const dead = (by: string, at: number, accusers = ['db-1']): AttributedEntry =>
  entry(by, at, {
    ...{ kind: 'memberDeclaredDead', node: 'db-3', by, incarnation: 1, left: false },
    reason: { kind: 'timeout', accusers, durationMs: 4000, cause: probe() },
  });
const stalled = (by: string, at: number, lateness: number): AttributedEntry =>
  entry(by, at, { kind: 'stalled', latenessMs: lateness });

const inputOf = (
  entries: readonly AttributedEntry[],
  changes: Partial<DiagnosisInput> = {},
): DiagnosisInput => ({
  ...{ node: 'db-3', self: 'db-1', status: 'failed', since: 4000, members: [], witnesses: new Set() },
  entries: [...entries].sort((a, b) => a.at - b.at),
  formatTime: (at) => `12:00:0${Math.round(at / 1000)}`,
  ...changes,
});
const accusation = [suspected('db-1', 0), dead('db-1', 4000)];

describe('I10: the accuser’s own state is taken into account', () => {
  test('a healthy accuser is believed', () => {
    expect(diagnose(inputOf(accusation))).toEqual({
      ...{ finding: 'failed', accusation: 'true' },
      sentence:
        'declared failed by db-1 at 12:00:04: direct and 3 of 3 indirect probes failed, so likely true',
    });
  });

  test('an accuser that was late in that round is not', () => {
    const late = suspected('db-1', 0, probe({ latenessMs: 2100 }));
    expect(diagnose(inputOf([late, dead('db-1', 4000)]))).toEqual({
      ...{ finding: 'failed', accusation: 'false' },
      sentence:
        'declared failed by db-1 at 12:00:04: direct and 3 of 3 indirect probes failed; db-1 itself was 2.1 s late, so likely false',
    });
  });

  test.each([
    ['unhealthy', probe({ awareness: 3 }), 'db-1 itself was unhealthy (awareness 3, 0 is healthy)'],
    ['deaf', probe({ nacks: 0 }), 'no helper of db-1 answered it'],
  ])('an accuser that was %s is not', (_, reason, clause) => {
    const { sentence, accusation } = diagnose(inputOf([suspected('db-1', 0, reason), dead('db-1', 4000)]));
    expect(accusation).toBe('false');
    expect(sentence).toContain(clause);
  });

  test('a stall counts for ten seconds, and only if it is the accuser’s', () => {
    const at = (when: number, by: string) =>
      diagnose(
        inputOf([
          stalled(by, when, 2100),
          ...accusation.map((one) => ({ ...one, at: one.at + 20_000, lastAt: one.lastAt + 20_000 })),
        ]),
      );
    expect(at(12_000, 'db-1')).toMatchObject({
      accusation: 'false',
      sentence: expect.stringContaining('2.1 s late 8.0 s before'),
    });
    expect(at(9000, 'db-1').accusation).toBe('true');
    expect(at(19_000, 'db-2').accusation).toBe('true');
  });

  test('a second healthy accuser outweighs the doubt; one that was as late as the first does not', () => {
    const late = suspected('db-1', 0, probe({ latenessMs: 500 }));
    const second = (reason: ProbeReason): AttributedEntry =>
      entry('db-2', 500, {
        ...{ kind: 'suspicionConfirmed', node: 'db-3', by: 'db-2', confirmations: 1, deadline: 4000 },
        reason,
      });
    expect(diagnose(inputOf([late, second(probe()), dead('db-1', 4000)]))).toMatchObject({
      accusation: 'true',
      sentence: expect.stringContaining('500 ms late, but db-2 found the same, so likely true'),
    });
    expect(diagnose(inputOf([late, second(probe({ latenessMs: 700 })), dead('db-1', 4000)])).accusation).toBe(
      'false',
    );
  });
});

describe('accusations by message', () => {
  const message = (at: number): AttributedEntry =>
    entry('db-1', at, {
      ...{ kind: 'memberSuspected', node: 'db-3', by: 'db-2', incarnation: 1, deadline: 4000 },
      reason: { kind: 'message', by: 'db-2', source: '' },
    });
  const started = (by: string, at: number): AttributedEntry =>
    entry(by, at, { kind: 'agentStarted', node: by, address: '10.0.0.2:7946', encrypted: false });

  test('an accuser that ran at that time and knows of no probe has made none; one that was restarted since may have', () => {
    const witnesses = new Set(['db-2']);
    const suspect = { status: 'suspect', witnesses } as const;
    expect(diagnose(inputOf([started('db-2', -5000), message(0)], suspect))).toMatchObject({
      ...{ finding: 'suspected', accusation: 'false' },
      sentence: expect.stringContaining('db-2 knows of no such probe: forged in its name'),
    });
    expect(diagnose(inputOf([message(0), started('db-2', 1000)], suspect))).toMatchObject({
      accusation: 'unclear',
      sentence: expect.stringContaining('db-2 was restarted since, and knows nothing of it'),
    });
    expect(diagnose(inputOf([message(0)], { status: 'suspect' })).sentence).toContain(
      'what db-2 saw is not known here',
    );
  });

  test('the last accusation counts, not one that was refuted before it', () => {
    const lifted = entry('db-1', 1000, {
      ...{ kind: 'suspicionCleared', node: 'db-3', incarnation: 2, source: '10.0.0.3:7946' },
    });
    const early = suspected('db-1', 0, probe({ latenessMs: 2100 }));
    const again = [suspected('db-1', 60_000), dead('db-1', 64_000)];
    const { sentence, accusation } = diagnose(inputOf([early, lifted, ...again]));
    expect([sentence.includes('late'), accusation]).toEqual([false, 'true']);
  });
});

describe('findings that are no accusation', () => {
  const onlyFact = (fact: EvidenceFact, changes: Partial<DiagnosisInput> = {}): DiagnosisInput =>
    inputOf([entry('db-1', 2000, fact)], { status: 'alive', ...changes });

  test('an unknown member that did not answer, while it is no member', () => {
    const unverified = { kind: 'memberUnverified', node: 'db-3', address: '10.0.0.9:7946' } as const;
    expect(diagnose(onlyFact(unverified, { status: undefined }))).toEqual({
      ...{ finding: 'memberUnverified', accusation: undefined },
      sentence: 'a message placed db-3 at 10.0.0.9:7946, but nothing answered there (last at 12:00:02)',
    });
    expect(diagnose(onlyFact(unverified)).finding).toBe('clean');
  });

  test('a member that moved, and one whose link is restored', () => {
    const moved = {
      kind: 'nameReclaimed',
      node: 'db-3',
      previous: '10.0.0.3:1',
      claimed: '10.0.0.4:1',
    } as const;
    expect(diagnose(onlyFact(moved)).sentence).toBe(
      'it moved from 10.0.0.3:1, which no longer answered, to 10.0.0.4:1 at 12:00:02',
    );
    const cut = entry('db-1', 1000, { kind: 'linkOneWay', node: 'db-3', rounds: 4, by: 'relay' });
    const whole = entry('db-1', 2000, { kind: 'linkRestored', node: 'db-3' });
    expect(diagnose(inputOf([cut], { status: 'alive' })).finding).toBe('linkOneWay');
    expect(diagnose(inputOf([cut, whole], { status: 'alive' })).finding).toBe('clean');
  });
});
