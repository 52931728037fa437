import { describe, expect, test } from 'vitest';
import { PullQueue } from '../../../../src/agent/replication/pull-queue.ts';
import { type Address, toAddress } from '../../../../src/base/address.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { NEVER } from '../../../../src/base/time.ts';

const PATIENCE = 200;
const at = (host: number): Address => toAddress(Uint8Array.of(127, 0, host >> 8, host & 255), 7946);
const open = (): PullQueue => new PullQueue(PATIENCE, createRng(1), (to) => to.key !== at(9).key);
const words = (pulls: PullQueue, now: number): string[] =>
  pulls.dequeue(now).map(({ from, owners }) => `${from.host}: ${owners.join(' ')}`);

describe('pulling ledgers', () => {
  test('many owners of one peer are one request, soon', () => {
    const pulls = open();
    expect(pulls.deadline).toBe(NEVER);
    for (const owner of ['ann', 'bob', 'cat']) pulls.enqueue(owner, at(1), false, 0);
    pulls.enqueue('dan', at(2), true, 0);

    expect(pulls.deadline).toBeLessThanOrEqual(PATIENCE);
    expect(pulls.dequeue(pulls.deadline - 0.001)).toEqual([]);
    expect(words(pulls, PATIENCE)).toEqual(['127.0.0.1: ann bob cat', '127.0.0.2: dan']);
    expect(pulls.deadline).toBe(NEVER);
  });

  test('a peer gets its next request when its last one has ended, not before', () => {
    const pulls = open();
    pulls.enqueue('ann', at(1), false, 0);
    expect(words(pulls, PATIENCE)).toEqual(['127.0.0.1: ann']);
    pulls.enqueue('bob', at(1), false, PATIENCE);
    expect(words(pulls, 2 * PATIENCE)).toEqual([]);

    pulls.onRequestFinished(at(1), 1000);

    expect(words(pulls, 1000 + PATIENCE)).toEqual(['127.0.0.1: bob']);
  });

  test('an owner that is queued twice is announced if one of both asks for it', () => {
    const pulls = open();
    pulls.enqueue('ann', at(1), true, 0);
    pulls.enqueue('ann', at(1), false, 0);
    expect(pulls.dequeue(PATIENCE).map(({ announceOwners: tellOn }) => [...tellOn])).toEqual([['ann']]);
  });

  test('at most eight requests at once; further peers wait', () => {
    const pulls = open();
    for (let host = 1; host <= 12; host++) pulls.enqueue(`n${host}`, at(host), false, 0);
    expect(pulls.dequeue(PATIENCE)).toHaveLength(8);
    for (let host = 1; host <= 8; host++) pulls.onRequestFinished(at(host), 1000);
    expect(pulls.dequeue(1000 + PATIENCE)).toHaveLength(4);
  });

  describe('a request that failed', () => {
    const fail = (pulls: PullQueue, host: number, owner: string, now: number): void =>
      pulls.onRequestFailed({ owners: [owner], announceOwners: new Set([owner]) }, at(host), now);

    test('is made again, later each time, and its owners are still announced', () => {
      const pulls = open();
      let now = 0;
      const waits: number[] = [];
      pulls.enqueue('ann', at(1), true, now);
      for (let i = 0; i < 6; i++) {
        now = pulls.deadline;
        waits.push(now);
        const [batch] = [...pulls.dequeue(now), ...pulls.dequeue(pulls.deadline)];
        expect([batch?.owners, [...(batch?.announceOwners ?? [])]]).toEqual([['ann'], ['ann']]);
        fail(pulls, 1, 'ann', now);
      }
      expect(pulls.deadline - now).toBeGreaterThan(3999);
      expect(pulls.deadline - now).toBeLessThanOrEqual(8000);
    });

    test('is made at once when another to the same peer succeeds', () => {
      const pulls = open();
      fail(pulls, 1, 'ann', 0);
      pulls.enqueue('bob', at(1), false, 0);
      expect(words(pulls, PATIENCE)).toEqual(['127.0.0.1: bob']);
      pulls.onRequestFinished(at(1), PATIENCE);
      expect(words(pulls, 2 * PATIENCE)).toEqual(['127.0.0.1: ann']);
      pulls.onRequestFinished(at(1), 2 * PATIENCE);
      expect(pulls.deadline).toBe(NEVER);
    });

    test('is forgotten once its peer is no member', () => {
      const pulls = open();
      fail(pulls, 9, 'ann', 0);
      expect(pulls.dequeue(pulls.deadline)).toEqual([]);
      expect(pulls.deadline).toBe(NEVER);
    });
  });
});
