/** The verdict on a record: versions, members and what they acknowledged in, a sentence out. */
import { expect, test } from 'vitest';
import { judge, reaches, type WantedVersion, type Witness } from '../../../../src/agent/served/verdict.ts';

const WANTED: readonly WantedVersion[] = [
  { owner: 'ann', epoch: 7, version: 42, since: 90_000 },
  { owner: 'bob', epoch: 3, version: 5, since: 95_000 },
];
const NOW = 100_000;
const OPENED = 95_000;
const SERVED = { ann: { epoch: 7, version: 42 }, bob: { epoch: 3, version: 9 } };

function witness(name: string, changes: Partial<Witness> & { copies?: typeof SERVED } = {}): Witness {
  const { copies = SERVED, ...more } = changes;
  const copy = (owner: string) => copies[owner as keyof typeof SERVED];
  return {
    ...{ name, standing: 'up', failedAt: 0, spokeAt: 99_900, ignores: false, waiting: 0, hasAnswered: true },
    ...{ served: copy, held: copy },
    ...more,
  };
}

const nothing = (): undefined => undefined;
const OLD = { ...SERVED, ann: { epoch: 7, version: 41 } };
const sentence = (...witnesses: readonly Witness[]): string =>
  judge(WANTED, [witness('ann'), ...witnesses], OPENED, NOW).sentence;

test('done: all that count serve every ledger', () => {
  expect(judge(WANTED, [witness('ann'), witness('bob')], OPENED, NOW)).toEqual({
    ...{ done: true, known: ['ann', 'bob'], missing: [], apart: [], sentence: '2 of 2 know' },
  });
  expect(judge(WANTED, [witness('ann')], OPENED, NOW).sentence).toBe('1 of 1 knows');
});

test.each([
  ['silent', { spokeAt: 59_000, hasAnswered: false, served: nothing }, 'eve has not spoken for 41 s'],
  [
    'failed just now',
    { standing: 'failed', failedAt: 94_000, spokeAt: 93_950 },
    'eve has not spoken for 6 s',
  ],
  ['behind', { copies: OLD }, 'eve does not have it yet, after 10 s'],
  ['one reader', { served: nothing, waiting: 1 }, '1 reader of eve has not been sent it for 10 s'],
  ['readers', { served: nothing, waiting: 3 }, '3 readers of eve have not been sent it for 10 s'],
  ['readers of an old copy', { copies: OLD, waiting: 3 }, 'eve does not have it yet, after 10 s'],
  ['away', { standing: 'away' }, 'eve is away, and will be back'],
  [
    'older',
    { hasAnswered: false, ignores: true, served: nothing },
    'eve hears the question and does not answer it: its hearsay may be older',
  ],
] as const)('missing, %s', (_, changes, message) => {
  const verdict = judge(WANTED, [witness('ann'), witness('eve', changes as Partial<Witness>)], OPENED, NOW);
  expect(verdict).toMatchObject({ done: false, known: ['ann'], sentence: `1 of 2 know; ${message}` });
});

test('members without a say are named and not missed', () => {
  expect(sentence(witness('s', { standing: 'serf' }))).toBe(
    '1 of 1 knows; s is an agent of Serf and does not take part',
  );
  expect(sentence(witness('l', { standing: 'leaving' }))).toBe('1 of 1 knows; l is leaving');
  expect(sentence(witness('f', { standing: 'failed', failedAt: OPENED - 60_001 }))).toBe(
    '1 of 1 knows; f failed 65 s ago and was not asked',
  );
});

test('who is missing longest comes first, and three are named', () => {
  const silent = (name: string, spokeAt: number) =>
    witness(name, { hasAnswered: false, spokeAt, served: nothing });
  expect(sentence(silent('b', 98_000), silent('c', 40_000), silent('d', 97_000), silent('e', 96_000))).toBe(
    '1 of 5 know; c has not spoken for 60 s; e has not spoken for 4 s; d has not spoken for 3 s; and 1 more',
  );
});

test('a copy reaches a version by its version, or by a later epoch', () => {
  const wanted = { epoch: 7, version: 42 };
  expect(reaches({ epoch: 7, version: 41 }, wanted)).toBe(false);
  expect(reaches({ epoch: 8, version: 1 }, wanted)).toBe(true);
  expect(reaches({ epoch: 6, version: 99 }, wanted)).toBe(false);
  expect(reaches(undefined, wanted)).toBe(false);
});
