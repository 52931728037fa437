/** What is believed of anybody, what of the owner alone, and that no owner can be pushed to where it cannot answer (A33 to A36). */
import { describe, expect, test } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import { Doubts, EPOCHS_PER_MS, LATEST_PLAUSIBLE_EPOCH, OUTBID_LIMIT } from '../../../src/catalog/doubts.ts';
import type { Delta, Progress } from '../../../src/catalog/types.ts';
import { MAX_VERSION } from '../../../src/wire/entry-limits.ts';

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
    expect(bob.createOwnersRequest(['ann']).rows).toEqual([{ owner: 'ann', epoch: 0, version: 0 }]);
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

describe('A37 an owner whose epoch changes twice within 10 s is contested for 5 minutes', () => {
  const contested = (second = 9000, canAnswer = true): Catalog => {
    const bob = new Catalog({ owner: 'bob', epoch: NOW, canOwn: () => true, canAnswer: () => canAnswer });
    bob.apply(whole(NOW), 0);
    bob.apply(whole(NOW + 1), 1000);
    expect(bob.replicaProgress('ann')).toEqual(told(NOW + 1));
    bob.apply(whole(NOW + 2), 1000 + second);
    expect(bob.replicaProgress('ann')).toEqual(told(NOW + 2));
    return bob;
  };

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
    expect(bob.apply(whole(NOW + 4), 330_000).outcome).toBe('applied');
  });

  test('not by two starts that are further apart', () => {
    expect(contested(10_000).apply(whole(NOW + 3), 30_000).outcome).toBe('applied');
  });

  test('not while it cannot be asked', () => {
    expect(contested(9000, false).apply(whole(NOW + 3), 11_000).outcome).toBe('applied');
  });
});
