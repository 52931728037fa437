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
const statement = (by: string, at: number, fact: EvidenceFact): AttributedEntry => ({
  ...{ by, at, lastAt: at, count: 1 },
  fact,
});
const suspected = (by: string, at: number, reason = probe()): AttributedEntry =>
  statement(by, at, {
    kind: 'memberSuspected',
    node: 'db-3',
    by,
    incarnation: 1,
    deadline: at + 4000,
    reason,
  });
const dead = (by: string, at: number, accusers = ['db-1']): AttributedEntry =>
  statement(by, at, {
    ...{ kind: 'memberDeclaredDead', node: 'db-3', by, incarnation: 1, left: false },
    reason: { kind: 'timeout', accusers, durationMs: 4000, cause: probe() },
  });
const stalled = (by: string, at: number, lateness: number): AttributedEntry =>
  statement(by, at, { kind: 'stalled', latenessMs: lateness });

const matter = (
  statements: readonly AttributedEntry[],
  changes: Partial<DiagnosisInput> = {},
): DiagnosisInput => ({
  ...{ node: 'db-3', self: 'db-1', status: 'failed', since: 4000, members: [], witnesses: new Set() },
  entries: [...statements].sort((a, b) => a.at - b.at),
  formatTime: (at) => `12:00:0${Math.round(at / 1000)}`,
  ...changes,
});
const story = [suspected('db-1', 0), dead('db-1', 4000)];

describe('I10: the accuser’s own state is weighed', () => {
  test('one in good health is believed', () => {
    expect(diagnose(matter(story))).toEqual({
      ...{ finding: 'failed', accusation: 'true' },
      sentence:
        'declared failed by db-1 at 12:00:04: direct and 3 of 3 indirect probes failed, so likely true',
    });
  });

  test('one that was late in that very round is not', () => {
    const late = suspected('db-1', 0, probe({ latenessMs: 2100 }));
    expect(diagnose(matter([late, dead('db-1', 4000)]))).toEqual({
      ...{ finding: 'failed', accusation: 'false' },
      sentence:
        'declared failed by db-1 at 12:00:04: direct and 3 of 3 indirect probes failed; db-1 itself was 2.1 s late, so likely false',
    });
  });

  test.each([
    ['unwell', probe({ awareness: 3 }), 'db-1 itself was unwell (health 3, 0 is well)'],
    ['deaf', probe({ nacks: 0 }), 'nobody whom db-1 asked for help answered it'],
  ])('nor one that was %s', (_, reason, clause) => {
    const { sentence, accusation } = diagnose(matter([suspected('db-1', 0, reason), dead('db-1', 4000)]));
    expect(accusation).toBe('false');
    expect(sentence).toContain(clause);
  });

  test('a stall counts for ten seconds, and only that of the accuser', () => {
    const at = (when: number, by: string) =>
      diagnose(
        matter([
          stalled(by, when, 2100),
          ...story.map((one) => ({ ...one, at: one.at + 20_000, lastAt: one.lastAt + 20_000 })),
        ]),
      );
    expect(at(12_000, 'db-1')).toMatchObject({
      accusation: 'false',
      sentence: expect.stringContaining('2.1 s late 8.0 s before'),
    });
    expect(at(9000, 'db-1').accusation).toBe('true');
    expect(at(19_000, 'db-2').accusation).toBe('true');
  });

  test('another that was well and found the same outweighs the doubt; one as late as the first does not', () => {
    const late = suspected('db-1', 0, probe({ latenessMs: 500 }));
    const second = (reason: ProbeReason): AttributedEntry =>
      statement('db-2', 500, {
        ...{ kind: 'suspicionConfirmed', node: 'db-3', by: 'db-2', confirmations: 1, deadline: 4000 },
        reason,
      });
    expect(diagnose(matter([late, second(probe()), dead('db-1', 4000)]))).toMatchObject({
      accusation: 'true',
      sentence: expect.stringContaining('500 ms late, but db-2 found the same, so likely true'),
    });
    expect(diagnose(matter([late, second(probe({ latenessMs: 700 })), dead('db-1', 4000)])).accusation).toBe(
      'false',
    );
  });
});

describe('whose word it is', () => {
  const word = (at: number): AttributedEntry =>
    statement('db-1', at, {
      ...{ kind: 'memberSuspected', node: 'db-3', by: 'db-2', incarnation: 1, deadline: 4000 },
      reason: { kind: 'message', by: 'db-2', source: '' },
    });
  const started = (by: string, at: number): AttributedEntry =>
    statement(by, at, { kind: 'agentStarted', node: by, address: '10.0.0.2:7946', encrypted: false });

  test('who ran at that time and knows of no probe made none; who was started since may have', () => {
    const witnesses = new Set(['db-2']);
    const suspect = { status: 'suspect', witnesses } as const;
    expect(diagnose(matter([started('db-2', -5000), word(0)], suspect))).toMatchObject({
      ...{ finding: 'suspected', accusation: 'false' },
      sentence: expect.stringContaining('db-2 knows of no such probe: forged in its name'),
    });
    expect(diagnose(matter([word(0), started('db-2', 1000)], suspect))).toMatchObject({
      accusation: 'unclear',
      sentence: expect.stringContaining('db-2 was started anew, and knows nothing of it'),
    });
    expect(diagnose(matter([word(0)], { status: 'suspect' })).sentence).toContain(
      'what db-2 saw is not known here',
    );
  });

  test('the last accusation counts, not one that was refuted before it', () => {
    const lifted = statement('db-1', 1000, {
      ...{ kind: 'suspicionCleared', node: 'db-3', incarnation: 2, source: '10.0.0.3:7946' },
    });
    const early = suspected('db-1', 0, probe({ latenessMs: 2100 }));
    const again = [suspected('db-1', 60_000), dead('db-1', 64_000)];
    const { sentence, accusation } = diagnose(matter([early, lifted, ...again]));
    expect([sentence.includes('late'), accusation]).toEqual([false, 'true']);
  });
});

describe('what is no accusation', () => {
  const alone = (fact: EvidenceFact, changes: Partial<DiagnosisInput> = {}): DiagnosisInput =>
    matter([statement('db-1', 2000, fact)], { status: 'alive', ...changes });

  test('a newcomer that did not answer, while it is no member', () => {
    const silent = { kind: 'memberUnverified', node: 'db-3', address: '10.0.0.9:7946' } as const;
    expect(diagnose(alone(silent, { status: undefined }))).toEqual({
      ...{ finding: 'memberUnverified', accusation: undefined },
      sentence: 'somebody said that db-3 is at 10.0.0.9:7946, and nobody answered there (last at 12:00:02)',
    });
    expect(diagnose(alone(silent)).finding).toBe('clean');
  });

  test('a member that moved, and one whose way is whole again', () => {
    const moved = {
      kind: 'nameReclaimed',
      node: 'db-3',
      previous: '10.0.0.3:1',
      claimed: '10.0.0.4:1',
    } as const;
    expect(diagnose(alone(moved)).sentence).toBe(
      'it moved from 10.0.0.3:1, where nobody answered, to 10.0.0.4:1 at 12:00:02',
    );
    const cut = statement('db-1', 1000, { kind: 'linkOneWay', node: 'db-3', rounds: 4, by: 'relay' });
    const whole = statement('db-1', 2000, { kind: 'linkRestored', node: 'db-3' });
    expect(diagnose(matter([cut], { status: 'alive' })).finding).toBe('linkOneWay');
    expect(diagnose(matter([cut, whole], { status: 'alive' })).finding).toBe('clean');
  });
});
