/** What is believed of anybody, what of the owner alone, and that no owner can be pushed to where it cannot answer (A33 to A36). */
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import { createOwnersRequest } from '../../../src/catalog/anti-entropy.ts';
import { Catalog } from '../../../src/catalog/catalog.ts';
import { Doubts, EPOCHS_PER_MS, LATEST_PLAUSIBLE_EPOCH, OUTBID_LIMIT } from '../../../src/catalog/doubts.ts';
import type { Delta, Progress } from '../../../src/catalog/types.ts';
import { MAX_VERSION } from '../../../src/wire/entry-limits.ts';
import { service } from './values.ts';

const TODAY = Date.UTC(2026, 0, 1);
const LATEST = LATEST_PLAUSIBLE_EPOCH;
const NOW = TODAY * EPOCHS_PER_MS;
const told = (epoch: number, version = 1): Progress => ({ owner: 'ann', epoch, version });
const whole = (epoch: number, over: Partial<Delta> = {}): Delta => ({
  ...{ owner: 'ann', epoch, from: 0, to: 1, swept: 0, entries: [] },
  ...over,
});
const open = (owner: string, epoch = NOW): Catalog =>
  new Catalog({ owner, epoch, canOwn: () => true, latestEpoch: LATEST });

describe('A33 progress that is too far ahead is doubted', () => {
  test.each([
    ['an epoch of tomorrow', told(NOW + 86_400_000 * 1024), undefined, false],
    ['the last epoch that is plausible', told(LATEST), undefined, false],
    ['a later one', told(LATEST + 1), undefined, true],
    ['a later one than what is held', told(LATEST + 1), told(NOW), true],
    ['the next version', told(NOW, 2), told(NOW, 1), false],
    ['2^24 further versions', told(NOW, 1 + 2 ** 24), told(NOW, 1), false],
    ['one more', told(NOW, 2 + 2 ** 24), told(NOW, 1), true],
    ['a first version above 2^32', told(NOW, 2 ** 32 + 1), undefined, true],
    ['an older epoch, which is stale anyway', told(1, 2 ** 50), told(NOW, 1), false],
    ['the same epoch that the owner has confirmed', told(OUTBID_LIMIT, 2), told(OUTBID_LIMIT, 1), false],
    ['less than an epoch that no owner can exceed', told(NOW), told(OUTBID_LIMIT), true],
  ])('%s: %j after %j is doubtful: %s', (_, progress, held, isDoubtful) => {
    const doubts = new Doubts(LATEST);
    expect(doubts.doubt(progress, held, 0)).toBe(isDoubtful);
    expect(doubts.consume()).toEqual(isDoubtful ? ['ann'] : []);
    expect(doubts.consume()).toEqual([]);
  });
});

describe('A33 a delta that goes too far', () => {
  test.each([
    ['by its epoch', whole(MAX_VERSION - 1)],
    ['by its version', whole(NOW + 1, { to: 2 ** 40 })],
    ['by one entry', whole(NOW + 1, { entries: [{ key: 's:x', version: 2 ** 40, value: undefined }] })],
  ])('%s changes nothing, and its owner is asked', (_, delta) => {
    const bob = open('bob');
    expect(bob.apply(whole(NOW), 0).outcome).toBe('applied');
    expect(bob.apply(delta, 0)).toEqual({ owner: 'ann', outcome: 'stale', changes: [] });
    expect(bob.replicaProgress('ann')).toEqual(told(NOW));
    expect(bob.consumeDoubtful()).toEqual(['ann']);
  });

  test('is stale as an announcement, too, also over a watermark', () => {
    const bob = open('bob');
    bob.apply(whole(NOW), 0);
    bob.deleteOwner('ann');
    expect(bob.receiveProgress(told(LATEST + 1), 0)).toBe('stale');
    expect(bob.receiveProgress(told(NOW + 1), 0)).toBe('pull');
    expect(bob.consumeDoubtful()).toEqual(['ann']);
  });

  test('is taken of the owner itself', () => {
    const bob = open('bob');
    expect(bob.apply(whole(LATEST + 5), 0, true).outcome).toBe('applied');
    expect(bob.apply(whole(LATEST + 5, { from: 1, to: 2 }), 0).outcome).toBe('applied');
  });
});

describe('A34 an epoch that its owner cannot exceed', () => {
  const poisoned = (): Catalog => {
    const bob = open('bob');
    const web = { key: 's:web' as const, version: 1, value: undefined };
    bob.apply(whole(MAX_VERSION - 1, { entries: [web] }), 0, true);
    return bob;
  };

  test("is replaced by the owner's word, and by nobody else's", () => {
    const bob = poisoned();
    expect(bob.apply(whole(NOW), 0).outcome).toBe('stale');
    expect(bob.consumeDoubtful()).toEqual(['ann']);
    expect(createOwnersRequest(bob, ['ann'], 0, () => true).rows).toEqual([
      { owner: 'ann', epoch: 0, version: 0 },
    ]);
    expect(bob.apply(whole(NOW), 0, true).outcome).toBe('applied');
    expect(bob.replicaProgress('ann')).toEqual(told(NOW));
    expect(bob.entries('ann')?.size).toBe(0);
  });

  test('is replaced as a watermark, too', () => {
    const bob = poisoned();
    bob.deleteOwner('ann');
    expect(bob.apply(whole(NOW), 0).outcome).toBe('stale');
    expect(bob.apply(whole(NOW), 0, true).outcome).toBe('applied');
  });

  test('is not restored from disk', () => {
    const bob = poisoned();
    bob.apply({ ...whole(NOW), owner: 'cat' }, 0);
    const snapshot = { kind: 'catalogSnapshot', ...{ owner: 'bob', epoch: NOW, version: 0 } } as const;
    const ledgers = [whole(MAX_VERSION - 1), whole(NOW, { owner: 'cat' }), whole(NOW + 1, { owner: 'cat' })];
    const options = { owner: 'bob', epoch: NOW, canOwn: () => true, latestEpoch: LATEST };
    const restarted = new Catalog({
      ...options,
      snapshot: { ...snapshot, ledgers: ledgers.map((delta) => ({ kind: 'delta', ...delta })) },
    });
    expect([...restarted.owners()]).toEqual(['bob', 'cat']);
    expect(restarted.replicaProgress('cat')?.epoch).toBe(NOW); // the second copy of it is passed over
  });
});

describe('A35 no owner is pushed to an epoch that it cannot exceed', () => {
  test.each([OUTBID_LIMIT, MAX_VERSION - 1])('an epoch of %i is not outbid', (epoch) => {
    const ann = open('ann');
    expect(ann.receiveProgress(told(epoch), 5000)).toBe('stale');
    expect(ann.epoch).toBe(NOW);
  });

  test('the last epoch below the limit is outbid, and the owner can still exceed its own', () => {
    const ann = open('ann');
    expect(ann.receiveProgress(told(OUTBID_LIMIT - 1), 5000)).toBe('epochRaised');
    const raised = ann.epoch;
    expect(raised).toBeGreaterThanOrEqual(OUTBID_LIMIT);
    expect(ann.receiveProgress(told(raised + 1), 10_000)).toBe('stale');
    expect(ann.receiveProgress(told(raised, 99), 15_000)).toBe('epochRaised');
    expect(ann.epoch).toBeGreaterThan(raised);
    expect(ann.epoch).toBeLessThan(MAX_VERSION);
  });

  test.each([0, NOW, OUTBID_LIMIT - 1, OUTBID_LIMIT, MAX_VERSION - 1])(
    'an agent that has saved the epoch %i starts below the ceiling',
    (epoch) => {
      const snapshot = { kind: 'catalogSnapshot', owner: 'ann', epoch, version: 0, ledgers: [] } as const;
      const ann = new Catalog({ owner: 'ann', epoch: 7, canOwn: () => true, snapshot });
      expect(ann.epoch).toBeLessThanOrEqual(OUTBID_LIMIT);
      if (epoch < OUTBID_LIMIT - 2000) expect(ann.epoch).toBeGreaterThan(epoch);
      expect(ann.receiveProgress(told(ann.epoch, 99), 0)).toBe('epochRaised');
    },
  );
});

describe('A47 an owner whose epoch changes twice within 10 s is contested', () => {
  const contested = (second = 9000, canAnswer = true): Catalog => {
    const bob = new Catalog({ owner: 'bob', epoch: NOW, canOwn: () => true, canAnswer: () => canAnswer });
    bob.apply(whole(NOW), 0);
    bob.apply(whole(NOW + 1), 1000);
    expect(bob.replicaProgress('ann')).toEqual(told(NOW + 1));
    bob.apply(whole(NOW + 2), 1000 + second);
    expect(bob.replicaProgress('ann')).toEqual(told(NOW + 2));
    return bob;
  };
  /** ann says what she has when she is asked at this time. */
  const hearWord = (bob: Catalog, word: Delta, now: number): void => {
    const request = createOwnersRequest(bob, ['ann'], now, () => true);
    bob.apply(word, now, true, request.told.get('ann'));
  };
  const isBelieved = (bob: Catalog, delta: Delta, now: number): boolean =>
    bob.apply(delta, now).outcome === 'applied';

  test.each([
    ['another epoch', whole(NOW + 3)],
    ['another version', whole(NOW + 2, { from: 1, to: 2 })],
  ])('%s is believed of itself only, which is asked', (_, delta) => {
    const bob = contested();
    expect(bob.apply(delta, 11_000).outcome).toBe('stale');
    expect(bob.consumeDoubtful()).toEqual(['ann']);
    expect(bob.receiveProgress({ owner: 'ann', epoch: delta.epoch, version: delta.to }, 11_000)).toBe(
      'stale',
    );
    expect(bob.apply(delta, 11_000, true).outcome).toBe('applied');
    expect(isBelieved(bob, whole(NOW + 4), 330_000)).toBe(true);
  });

  test('not by two starts that are further apart', () => {
    expect(isBelieved(contested(10_000), whole(NOW + 3), 30_000)).toBe(true);
  });

  test('not while it cannot be asked', () => {
    expect(isBelieved(contested(9000, false), whole(NOW + 3), 11_000)).toBe(true);
  });

  test('it is asked at once for all that it has, and its word ends the doubt: it has started twice', () => {
    const bob = contested();
    expect(bob.consumeDoubtful()).toEqual(['ann']);
    expect(createOwnersRequest(bob, ['ann'], 10_000, () => true).rows).toEqual([told(0, 0)]);
    hearWord(bob, whole(NOW + 2), 10_200);
    expect(isBelieved(bob, whole(NOW + 2, { from: 1, to: 2 }), 10_300)).toBe(true);
    expect(createOwnersRequest(bob, ['ann'], 10_400, () => true).told.size).toBe(0);
  });

  test.each([
    ['what is held', undefined, whole(NOW)],
    ['what others claimed meanwhile', whole(NOW + 3), whole(NOW + 2)],
    ['a version that is held', whole(NOW + 2, { to: 5 }), whole(NOW + 2, { to: 4 })],
  ])('its word that does not cover %s begins five minutes', (_, claim, word) => {
    const bob = contested();
    if (claim !== undefined) bob.apply(claim, 10_050);
    hearWord(bob, word, 10_200);
    expect(bob.replicaProgress('ann')).toEqual(told(word.epoch, word.to));
    hearWord(bob, word, 100_000);
    expect(isBelieved(bob, whole(NOW + 9), 310_100)).toBe(false);
    expect(isBelieved(bob, whole(NOW + 9), 310_300)).toBe(true);
  });

  test('an epoch that came while it was asked is no lie', () => {
    const bob = contested();
    const request = createOwnersRequest(bob, ['ann'], 10_100, () => true);
    bob.apply(whole(NOW + 7), 10_150, true);
    bob.apply(whole(NOW + 2), 10_200, true, request.told.get('ann'));
    expect(bob.replicaProgress('ann')).toEqual(told(NOW + 7));
  });

  test('each further contest ends after a silence of twice the length', () => {
    const bob = contested();
    hearWord(bob, whole(NOW + 2), 10_200);
    for (const [i, silence] of [10_000, 20_000, 40_000].entries()) {
      const at = 20_000 + i * 100_000;
      const epoch = NOW + 10 + 2 * i;
      expect(isBelieved(bob, whole(epoch), at)).toBe(true);
      expect(isBelieved(bob, whole(epoch + 1), at + 100)).toBe(true);
      hearWord(bob, whole(epoch + 1), at + 99 + silence);
      expect(isBelieved(bob, whole(epoch + 1, { from: 1, to: 2 }), at + 99 + silence)).toBe(false);
      hearWord(bob, whole(epoch + 1, { to: 2 }), at + 101 + silence);
      expect(isBelieved(bob, whole(epoch + 1, { from: 2, to: 3 }), at + 102 + silence)).toBe(true);
    }
  });
});

describe('A46 two things that cannot both be so', () => {
  const entry = (id: string, version: number, port = 80) =>
    ({ key: `s:${id}`, version, value: { ...service(id), port } }) as const;
  const ledger = (over: Partial<Delta>): Delta => whole(NOW, { to: 2, ...over });
  const honest = ledger({ entries: [entry('a', 1), entry('b', 2)] });

  test.each([
    ['an entry that nobody wrote', ledger({ entries: [entry('a', 1), entry('x', 2)] })],
    ['one at another version', ledger({ entries: [entry('b', 1), entry('a', 2)] })],
    ['one of another value', ledger({ entries: [entry('a', 1), entry('b', 2, 81)] })],
    ['one more', ledger({ entries: [entry('a', 1), entry('b', 2), entry('x', 2)] })],
    ['one less', ledger({ entries: [entry('a', 1)] })],
    ['none', ledger({ entries: [] })],
  ])('%s: the owner is asked for all that it has, and that replaces what is held', (_, forged) => {
    const bob = open('bob');
    bob.apply(forged, 0);
    expect(bob.consumeDoubtful()).toEqual([]);
    expect(bob.apply(honest, 100)).toMatchObject({ changes: [] });
    expect([bob.consumeDoubtful(), bob.doubts.isUnsettled('ann')]).toEqual([['ann'], true]);
    const { rows, told: decided } = createOwnersRequest(bob, ['ann'], 200, () => true);
    expect(rows).toEqual([told(0, 0)]);
    bob.apply(honest, 300, true, decided.get('ann'));
    expect([...(bob.entries('ann')?.values() ?? [])]).toEqual(honest.entries);
    expect(bob.doubts.isUnsettled('ann')).toBe(false);
  });

  test('of what is held beyond a gap, too', () => {
    const bob = open('bob');
    bob.apply(ledger({ entries: honest.entries }), 0);
    bob.apply(ledger({ from: 3, to: 4, entries: [entry('x', 4)] }), 0);
    bob.apply(ledger({ from: 2, to: 3, entries: [entry('c', 3)] }), 0);
    expect(bob.consumeDoubtful()).toEqual([]);
    bob.apply(ledger({ from: 3, to: 4, entries: [entry('d', 4)] }), 0);
    expect(bob.consumeDoubtful()).toEqual(['ann']);
    const cat = open('cat');
    cat.apply(ledger({ entries: honest.entries }), 0);
    cat.apply(ledger({ from: 3, to: 4, entries: [entry('x', 4)] }), 0);
    cat.apply(ledger({ from: 3, to: 4, entries: [entry('d', 4)] }), 0);
    expect(cat.consumeDoubtful()).toEqual(['ann']);
    const dan = open('dan');
    dan.apply(ledger({ entries: [...honest.entries, entry('x', 4)] }), 0);
    dan.apply(ledger({ from: 2, to: 3, entries: [entry('c', 3), entry('x', 4)] }), 0);
    expect(dan.consumeDoubtful()).toEqual([]);
    dan.apply(ledger({ from: 3, to: 5, entries: [entry('d', 4), entry('e', 5)] }), 0);
    expect(dan.consumeDoubtful()).toEqual(['ann']);
  });

  test('another agent is asked for what is new only', () => {
    const bob = open('bob');
    bob.apply(ledger({ entries: [] }), 0);
    bob.apply(honest, 0);
    const { rows, told: decided } = createOwnersRequest(bob, ['ann'], 200, () => false);
    expect([rows, decided.size]).toEqual([[told(NOW, 2)], 0]);
  });

  test('what came after the owner was asked stays', () => {
    const bob = open('bob');
    bob.apply(ledger({ entries: [] }), 0);
    bob.apply(honest, 0);
    const { told: decided } = createOwnersRequest(bob, ['ann'], 200, () => true);
    bob.apply(ledger({ from: 2, to: 3, entries: [entry('c', 3)] }), 250);
    bob.apply(honest, 300, true, decided.get('ann'));
    expect([...(bob.entries('ann')?.keys() ?? [])]).toEqual(['s:a', 's:b', 's:c']);
    expect(bob.replicaProgress('ann')).toEqual(told(NOW, 3));
  });

  test('an owner that hears of an entry it never wrote in its epoch begins another', () => {
    const ann = open('ann');
    ann.publish([{ put: service('a') }, { put: service('b') }], 0);
    const own = ann.deltaFor('ann') as Delta;
    expect(ann.apply({ ...own, entries: own.entries.slice(1), from: 1 }, 5000).outcome).toBe('stale');
    expect(ann.apply({ ...own, entries: [entry('x', 2)], from: 1 }, 5000).outcome).toBe('epochRaised');
    expect(ann.epoch).toBeGreaterThan(NOW);
  });

  test('no delta of an owner contradicts another: late, repeated, with removals that were reaped', () => {
    const ann = open('ann');
    const deltas: Delta[] = [];
    for (let i = 0; i < 40; i++) {
      const key = `s:${i % 7}` as const;
      const write = i % 3 === 2 ? { remove: key } : { put: { ...service(`${i % 7}`), port: i } };
      deltas.push(...ann.publish([write], i * 1000).rumors.map(({ delta }) => delta));
      deltas.push(ann.deltaFor('ann') as Delta, ann.deltaFor('ann', told(NOW, i >> 1)) as Delta);
      if (i % 10 === 9) ann.reapTombstones(i * 1000 + 3_600_000 - 15_000);
    }
    for (let seed = 0; seed < 200; seed++) {
      const bob = open('bob');
      const rng = createRng(seed);
      for (let i = 0; i < 60; i++) {
        const delta = deltas[rng.int(deltas.length)];
        if (delta !== undefined) bob.apply(delta, i);
        if (rng.int(10) === 0) bob.reapTombstones(3_600_000 + (i >> 1));
      }
      expect(bob.consumeDoubtful()).toEqual([]);
    }
    for (const delta of deltas) expect(ann.apply(delta, 9_000_000).outcome).toBe('stale');
  });
});
