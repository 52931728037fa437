import { describe, expect, test } from 'vitest';
import type { AttributedEntry, EvidenceFact } from '../../../../src/agent/contract/evidence.ts';
import { diagnose } from '../../../../src/agent/evidence/diagnosis.ts';
import type { DiagnosisInput } from '../../../../src/agent/evidence/findings.ts';
import type { ProbeReason, StreamFailure } from '../../../../src/swim/types.ts';
import {
  accusation,
  alone,
  cleared,
  dead,
  entry,
  inputOf,
  memberAt,
  probe,
  SILENCE,
  stalled,
  started,
  suspected,
} from './entries.ts';

describe('I10: the accuser’s own state is taken into account', () => {
  test('a healthy accuser is believed', () => {
    expect(diagnose(inputOf(accusation))).toEqual({
      ...{ finding: 'failed', accusation: 'true', cause: 'silent' },
      sentence: `declared failed by db-1 at 12:00:04: direct and 3 of 3 indirect probes failed; ${SILENCE}, so likely true`,
    });
  });

  test('one that was late in that round, and alone, is not', () => {
    const late = suspected('db-1', 0, alone({ latenessMs: 2100 }));
    expect(diagnose(inputOf([late, dead('db-1', 4000)]))).toEqual({
      ...{ finding: 'failed', accusation: 'false', cause: 'accuser' },
      sentence:
        'declared failed by db-1 at 12:00:04: a direct probe failed; db-1 itself was 2.1 s late, so likely false',
    });
  });

  test.each([
    ['late', { latenessMs: 400 }],
    ['unhealthy', { awareness: 3 }],
  ])('three independent witnesses outweigh one %s host', (_, doubtful) => {
    const { accusation: likely, cause } = diagnose(
      inputOf([suspected('db-1', 0, probe(doubtful)), dead('db-1', 4000)]),
    );
    expect([likely, cause]).toEqual(['true', 'silent']);
  });

  test('an accuser that was unhealthy, and alone, is not believed', () => {
    const { sentence, accusation: likely } = diagnose(
      inputOf([suspected('db-1', 0, alone({ awareness: 3 })), dead('db-1', 4000)]),
    );
    expect(likely).toBe('false');
    expect(sentence).toContain('db-1 itself was unhealthy (awareness 3, 0 is healthy)');
  });

  test('one whose helpers are well and sent no word is deaf; helpers that are down could not', () => {
    const deaf = [suspected('db-1', 0, probe({ nacks: 0 })), dead('db-1', 4000)];
    const members = [memberAt('a', '10.0.0.7')];
    expect(diagnose(inputOf(deaf, { members }))).toMatchObject({
      ...{ accusation: 'false', cause: 'accuser' },
      sentence: expect.stringContaining('no helper of db-1 answered it'),
    });
    expect(diagnose(inputOf(deaf)).accusation).toBe('unclear');
  });

  test('a stall of the accuser counts where it overlaps the probe, and nowhere else', () => {
    const at = (when: number, by: string) =>
      diagnose(inputOf([stalled(by, when, 400), suspected('db-1', 20_000, alone()), dead('db-1', 24_000)]));
    expect(at(19_300, 'db-1')).toMatchObject({
      accusation: 'false',
      sentence: expect.stringContaining('db-1 itself was 400 ms late, so likely false'),
    });
    for (const [when, by] of [
      [12_000, 'db-1'],
      [18_900, 'db-1'],
      [21_000, 'db-1'],
      [19_300, 'db-2'],
    ] as const)
      expect([when, by, at(when, by).accusation]).toEqual([when, by, 'unclear']);
  });

  test('a second healthy accuser outweighs the doubt; one that was as late as the first does not', () => {
    const late = suspected('db-1', 0, alone({ latenessMs: 500 }));
    const second = (reason: ProbeReason): AttributedEntry =>
      entry('db-2', 500, {
        ...{ kind: 'suspicionConfirmed', node: 'db-3', by: 'db-2', confirmations: 1, deadline: 4000 },
        reason,
      });
    expect(diagnose(inputOf([late, second(probe()), dead('db-1', 4000)]))).toMatchObject({
      accusation: 'true',
      sentence: expect.stringContaining(`500 ms late, but db-2 found the same; ${SILENCE}, so likely true`),
    });
    expect(diagnose(inputOf([late, second(alone({ latenessMs: 700 })), dead('db-1', 4000)])).accusation).toBe(
      'false',
    );
  });
});

describe('what a connection met is told by the member’s own host', () => {
  const met = (streamFailure: StreamFailure, changes: Partial<DiagnosisInput> = {}) =>
    diagnose(
      inputOf(
        [suspected('db-1', 0, alone({ stream: true, streamFailure, latenessMs: 900 })), dead('db-1', 4000)],
        changes,
      ),
    );

  test('a refusal proves that no process listened there, however late the accuser was', () => {
    expect(met('refused')).toMatchObject({ finding: 'failed', accusation: 'true', cause: 'refused' });
    expect(met('refused').sentence).toContain(
      'its host refused a connection: no process listened there, so likely true',
    );
  });

  test('a connection without an answer: the host runs, and the process hangs', () => {
    expect(met('unanswered')).toMatchObject({ accusation: 'unclear', cause: 'hung' });
    expect(met('closed')).toMatchObject({ accusation: 'unclear', cause: 'closed' });
  });

  test('silence says nothing about the accuser: it stays doubted', () => {
    expect(met('timeout')).toMatchObject({ accusation: 'false', cause: 'accuser' });
  });

  test('an address that another member has now is no longer the node’s', () => {
    const members = [memberAt('db-3', '10.0.0.3', 'failed'), memberAt('db-9', '10.0.0.3')];
    expect(met('closed', { members })).toMatchObject({
      ...{ accusation: 'true', cause: 'moved' },
      sentence: expect.stringContaining('db-9 lives at its address'),
    });
  });

  test('the ping before the end of a suspicion counts as well', () => {
    const silent = suspected('db-1', 0, probe({ stream: true, streamFailure: 'timeout' }));
    const last = entry('db-2', 4000, {
      ...{ kind: 'memberDeclaredDead', node: 'db-3', by: 'db-2', incarnation: 1, left: false },
      reason: {
        kind: 'timeout',
        accusers: ['db-1'],
        durationMs: 4000,
        cause: probe(),
        streamFailure: 'refused',
      },
    });
    expect(diagnose(inputOf([silent, last])).cause).toBe('refused');
  });

  test('failed together: it may be the network, unless the host itself refused', () => {
    const members = [{ ...memberAt('db-4', '10.0.0.4', 'failed'), since: 3000 }];
    expect(met('timeout', { members })).toMatchObject({ accusation: 'unclear', cause: 'network' });
    expect(met('refused', { members })).toMatchObject({ accusation: 'true', cause: 'refused' });
  });
});

describe('accusations by message', () => {
  const DB_2 = memberAt('db-2', '10.0.0.2');
  const DB_4 = memberAt('db-4', '10.0.0.4');
  const message = (at: number, source = '10.0.0.4:7946'): AttributedEntry =>
    entry('db-1', at, {
      ...{ kind: 'memberSuspected', node: 'db-3', by: 'db-2', incarnation: 1, deadline: 4000 },
      reason: { kind: 'message', by: 'db-2', source },
    });
  const suspect = { status: 'suspect', members: [DB_2, DB_4] } as const;

  test('an accuser that ran at that time, and never held the member as down, has not accused it', () => {
    expect(diagnose(inputOf([started('db-2', -15_000), message(0)], suspect))).toMatchObject({
      ...{ finding: 'suspected', accusation: 'false', cause: 'forged' },
      sentence: expect.stringContaining('db-2 knows of no such probe: forged in its name'),
    });
  });

  test.each([
    [
      'was restarted since',
      [started('db-2', 1000)],
      message(0),
      'db-2 was restarted since, and knows nothing of it',
    ],
    ['did not answer', [], message(0), 'what db-2 saw is not known here'],
    [
      'sent it itself',
      [started('db-2', -15_000)],
      message(0, '10.0.0.2:7946'),
      'what db-2 saw is not known here',
    ],
    [
      'had it from another',
      [
        started('db-2', -15_000),
        entry('db-2', -200, {
          ...{ kind: 'memberSuspected', node: 'db-3', by: 'db-4', incarnation: 1, deadline: 4000 },
          reason: { kind: 'message', by: 'db-4', source: '' },
        }),
      ],
      message(0),
      'db-2 passed on what others had told it',
    ],
  ] as const)('nothing is said to be forged by an agent that %s', (_, told, accused, clause) => {
    expect(diagnose(inputOf([...told, accused], suspect))).toMatchObject({
      ...{ accusation: 'unclear', cause: undefined },
      sentence: expect.stringContaining(clause),
    });
  });

  test('the last accusation counts, not one that was refuted before it', () => {
    const lifted = cleared('db-1', 1000);
    const early = suspected('db-1', 0, alone({ latenessMs: 2100 }));
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
      ...{ finding: 'memberUnverified', accusation: undefined, cause: undefined },
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
