import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../src/base/errors.ts';
import { createOwnersRequest } from '../../../src/catalog/anti-entropy.ts';
import { Catalog } from '../../../src/catalog/catalog.ts';
import type { CatalogOptions } from '../../../src/catalog/options.ts';
import type { Delta } from '../../../src/catalog/types.ts';
import type { EntryWrite } from '../../../src/model/service.ts';
import {
  decodeCatalogSnapshot,
  decodeCatalogSummary,
  encodeCatalogSyncRequest,
  encodeCatalogSyncResponse,
  encodeDelta,
} from '../../../src/wire/catalog.ts';
import { acceptResponse, answerRequest } from '../../support/anti-entropy.ts';
import { check, service } from './values.ts';

const open = (owner: string, over: Partial<CatalogOptions> = {}): Catalog =>
  new Catalog({ owner, epoch: 1000, canOwn: () => true, ...over });
const put = (...values: ReturnType<typeof service | typeof check>[]): EntryWrite[] =>
  values.map((value) => ({ put: value }));
const entryValue = (catalog: Catalog, owner: string, key: `s:${string}`) =>
  catalog.entries(owner)?.get(key)?.value;
const refusal = (run: () => unknown): AgentError => {
  try {
    run();
  } catch (error) {
    if (error instanceof AgentError) return error;
  }
  throw new Error('it was not refused');
};

describe('writing', () => {
  test('a service and its checks are one rumor, the checks first', () => {
    const { rumors } = open('ann').publish(put(service('web'), check('web-ok', 'web')), 0);
    expect(rumors.map(({ delta }) => delta.entries.map((entry) => entry.key))).toEqual([
      ['c:web-ok', 's:web'],
    ]);
    expect(rumors[0]?.delta).toMatchObject({ owner: 'ann', epoch: 1000, from: 0, to: 2 });
  });

  test('a write that changes nothing is no change', () => {
    const ann = open('ann');
    ann.publish(put(service('web', { tags: ['a'] }), check('ok', 'web')), 0);
    const again = ann.publish(
      [...put(service('web', { tags: ['a'] }), check('ok', 'web')), { remove: 's:nope' }],
      1,
    );
    expect(again).toEqual({ rumors: [], changes: [] });
    expect(ann.replicaProgress('ann')?.version).toBe(2);
  });

  test('critical checks, removals and draining are urgent, and nothing else is', () => {
    const ann = open('ann');
    const urgent = (...changes: EntryWrite[]): boolean[] =>
      ann.publish(changes, 0).rumors.map((rumor) => rumor.urgent);
    expect(urgent(...put(service('web'), check('ok', 'web')))).toEqual([false]);
    expect(urgent(...put(check('ok', 'web', { status: 'warning' })))).toEqual([false]);
    expect(urgent(...put(check('ok', 'web', { status: 'critical' })))).toEqual([true]);
    expect(urgent(...put(check('ok', 'web', { status: 'critical', output: 'still' })))).toEqual([false]);
    expect(urgent(...put(check('ok', 'web')))).toEqual([false]);
    expect(urgent(...put(service('web', { draining: true })))).toEqual([true]);
    expect(urgent({ remove: 's:web' })).toEqual([true]);
  });

  test('a hundred services are sent in rumors that fit a packet', () => {
    const all = Array.from({ length: 100 }, (_, i) => [
      service(`web-${i}`),
      check(`ok-${i}`, `web-${i}`),
    ]).flat();
    const { rumors } = open('ann').publish(put(...all), 0);
    for (const { delta } of rumors) expect(encodeDelta(delta).length).toBeLessThan(1000);
    expect(rumors.length).toBeLessThan(20);
    const bob = open('bob');
    for (const { delta } of rumors) bob.apply(delta, 0);
    expect(bob.replicaProgress('ann')?.version).toBe(200);
  });

  test('one invalid value refuses the whole write, with the reason', () => {
    const ann = open('ann');
    const error = refusal(() => ann.publish(put(service('web'), service('x', { name: 'a b' })), 0));
    expect(error.code).toBe('badRequest');
    expect(error.message).toContain('"x"');
    expect(ann.replicaProgress('ann')?.version).toBe(0);
  });

  test('the largest entry allowed is published, a larger one is refused', () => {
    const tags = (count: number): string[] =>
      Array.from({ length: count }, (_, i) => `${i}`.padStart(508, 'x'));
    const ann = open('ann');
    expect(refusal(() => ann.publish(put(service('big', { tags: tags(33) })), 0)).code).toBe('tooLarge');
    const { rumors } = ann.publish(put(service('big', { tags: tags(31) })), 0);
    const bob = open('bob');
    expect(bob.apply(rumors[0]?.delta as Delta, 0).outcome).toBe('applied');
    expect(entryValue(bob, 'ann', 's:big')).toEqual(service('big', { tags: tags(31) }));
  });

  test('the bytes of one agent are limited', () => {
    const ann = open('ann');
    const many = Array.from({ length: 8192 }, (_, i) => service(`web-${i}`));
    ann.publish(put(...many), 0);
    expect(refusal(() => ann.publish(put(service('one-more')), 0)).code).toBe('tooLarge');
    ann.publish([{ remove: 's:web-0' }, ...put(service('web-1', { port: 1 }))], 0);
    expect(ann.publish(put(service('one-more')), 0).rumors).toHaveLength(1);
  });

  test('the number of tombstones is limited', () => {
    const ann = open('ann');
    for (let i = 0; i < 6000; i++) {
      ann.publish(put(service('web')), i);
      ann.publish([{ remove: 's:web' }, ...put(service(`web-${i}`))], i);
      ann.publish([{ remove: `s:web-${i}` }], i);
    }
    expect(ann.entries('ann')?.size).toBeLessThan(2100);
    ann.reapTombstones(10_000_000);
    expect(ann.entries('ann')?.size).toBe(0);
  });
});

describe('replicas', () => {
  test('a delta of a non-member is not stored', () => {
    const { rumors } = open('ann').publish(put(service('web')), 0);
    const bob = open('bob', { canOwn: (owner) => owner === 'bob' });
    expect(bob.apply(rumors[0]?.delta as Delta, 0).outcome).toBe('notMember');
    expect(bob.entries('ann')).toBeUndefined();
  });

  test('a deleted owner’s services go, and what it had removed stays removed when it returns', () => {
    const ann = open('ann');
    const bob = open('bob');
    const [first] = ann.publish(put(service('web'), service('db')), 0).rumors;
    const old = first?.delta as Delta;
    bob.apply(old, 0);
    for (const { delta } of ann.publish([{ remove: 's:db' }], 1).rumors) bob.apply(delta, 1);
    expect(bob.deleteOwner('ann')).toEqual([{ key: 's:web', before: service('web'), after: undefined }]);
    expect(bob.estimatedBytes).toBe(0);
    expect(bob.apply(old, 2).outcome).toBe('stale');
    expect(bob.entries('ann')).toBeUndefined();
    expect(bob.apply(ann.deltaFor('ann') as Delta, 3).outcome).toBe('applied');
    expect(entryValue(bob, 'ann', 's:web')).toEqual(service('web'));
    expect(entryValue(bob, 'ann', 's:db')).toBeUndefined();
  });

  test('an owner that restarted without a snapshot, with its clock set back, raises its epoch and is believed again', () => {
    const bob = open('bob');
    for (const { delta } of open('ann').publish(put(service('old'), service('db')), 0).rumors)
      bob.apply(delta, 0);
    const ann = open('ann', { epoch: 500 });
    const [rumor] = ann.publish(put(service('new')), 0).rumors;
    expect(bob.apply(rumor?.delta as Delta, 0).outcome).toBe('stale');

    const result = ann.apply(bob.deltaFor('ann') as Delta, 0);
    expect(result.outcome).toBe('epochRaised');
    expect(ann.epoch).toBeGreaterThan(1000);
    const later = open('ann', { epoch: 501 }); // A4: another start does not begin the same one
    expect(later.apply(bob.deltaFor('ann') as Delta, 0).outcome).toBe('epochRaised');
    expect(later.epoch).not.toBe(ann.epoch);
    expect(bob.apply(ann.deltaFor('ann') as Delta, 0).outcome).toBe('applied');
    expect([...(bob.entries('ann')?.keys() ?? [])]).toEqual(['s:new']);
    expect(ann.apply({ ...(bob.deltaFor('ann') as Delta), epoch: 9e9 }, 10).outcome).toBe('stale'); // too soon
  });

  test('a delta above the limits of an owner is refused, and changes nothing', () => {
    const bob = open('bob');
    const meta = new Map(Array.from({ length: 30 }, (_, i) => [`k${i}`, 'x'.repeat(500)]));
    let to = 0;
    const outcomes = new Set<string>();
    for (let i = 0; i < 400; i++) {
      const entries = [{ key: `s:web-${i}` as const, version: i + 1, value: service(`web-${i}`, { meta }) }];
      const { outcome } = bob.apply({ owner: 'eve', epoch: 1, from: i, to: i + 1, swept: 0, entries }, 0);
      outcomes.add(outcome);
      if (outcome === 'applied') to = i + 1;
    }
    expect(outcomes).toEqual(new Set(['applied', 'refused']));
    expect(bob.replicaProgress('eve')?.version).toBe(to);
    expect(bob.estimatedBytes).toBeLessThan(4 * 1024 * 1024);
  });

  test('rumors out of order need no pull once the gap is filled', () => {
    const ann = open('ann');
    const bob = open('bob');
    const deltas = ['a', 'b', 'c', 'd'].map(
      (id) => ann.publish(put(service(id)), 0).rumors[0]?.delta as Delta,
    );
    const outcomes = [0, 3, 2, 3, 1].map((i) => bob.apply(deltas[i] as Delta, 0).outcome);
    expect(outcomes).toEqual(['applied', 'gap', 'gap', 'stale', 'applied']);
    expect(bob.replicaProgress('ann')?.version).toBe(4);
  });
});

describe('the snapshot', () => {
  test('the next epoch is above the last, also if the clock was set back', () => {
    const memory = decodeCatalogSnapshot(open('ann').snapshot());
    expect(open('ann', { epoch: 3, snapshot: memory }).epoch).toBeGreaterThan(1000);
    expect(open('bob', { epoch: 3, snapshot: memory }).epoch).toBe(3);
  });

  test('others’ ledgers are restored at once, unconfirmed until a member confirms them', () => {
    const ann = open('ann');
    const bob = open('bob');
    ann.publish(put(service('web')), 0);
    bob.apply(ann.deltaFor('ann') as Delta, 0);

    const again = open('bob', { epoch: 2000, snapshot: decodeCatalogSnapshot(bob.snapshot()) });
    expect(entryValue(again, 'ann', 's:web')).toEqual(service('web'));
    expect(again.isUnconfirmed('ann')).toBe(true);

    expect(again.differingBuckets(decodeCatalogSummary(ann.digest.encodedSummary()))).toBeUndefined();
    expect(again.isUnconfirmed('ann')).toBe(false);
    expect(again.consumeConfirmed()).toEqual(['ann']);
    expect(again.consumeConfirmed()).toEqual([]);
  });

  test('a rumor that continues where the copy ends confirms it, too', () => {
    const ann = open('ann');
    const bob = open('bob');
    ann.publish(put(service('web')), 0);
    bob.apply(ann.deltaFor('ann') as Delta, 0);
    const again = open('bob', { epoch: 2000, snapshot: decodeCatalogSnapshot(bob.snapshot()) });
    again.apply(ann.publish(put(service('db')), 0).rumors[0]?.delta as Delta, 0);
    expect(again.isUnconfirmed('ann')).toBe(false);
  });
});

/** Two agents that hold the same `owners` ledgers of 10 services each, except `different` of them. */
function pair(owners: number, different: number): readonly [Catalog, Catalog] {
  const one = open('one');
  const other = open('two');
  for (let i = 0; i < owners; i++) {
    const owner = open(`node-${i}.example`, { epoch: 1_790_000_000_000 + i });
    owner.publish(put(...Array.from({ length: 10 }, (_, j) => service(`web-${j}`))), 0);
    const delta = owner.deltaFor(`node-${i}.example`) as Delta;
    one.apply(delta, 0);
    other.apply(delta, 0);
    if (i < different)
      other.apply(owner.publish(put(service('web-0', { port: 81 })), 0).rumors[0]?.delta as Delta, 0);
  }
  return [one, other];
}

/** Bytes of one anti-entropy exchange: both summaries, and what follows if they differ. */
function exchange(one: Catalog, other: Catalog): number {
  const total = one.digest.encodedSummary().length + other.digest.encodedSummary().length;
  const buckets = one.differingBuckets(decodeCatalogSummary(other.digest.encodedSummary()));
  if (buckets === undefined) return total;
  const request = one.createSyncRequest(buckets);
  const answer = answerRequest(other, request);
  acceptResponse(one, answer);
  return total + encodeCatalogSyncRequest(request).length + encodeCatalogSyncResponse(answer).length;
}

describe('anti-entropy', () => {
  test.each([100, 1000])('of %i owners costs bytes by what differs, not by what exists', (owners) => {
    const [nothing, little, much] = [0, 1, 100].map((different) => {
      const [one, other] = pair(owners, different);
      const cost = exchange(one, other);
      expect(one.digest.encodedSummary()).toEqual(other.digest.encodedSummary());
      expect(exchange(one, other)).toBe(one.digest.encodedSummary().length * 2);
      return cost;
    }) as [number, number, number];
    expect(nothing).toBeLessThan(1100);
    expect(little - nothing).toBeLessThan(1200);
    expect(much - nothing).toBeLessThan(30 * owners + 100 * 150);
    expect(little).toBeLessThan(much);
  });

  test('a summary is the same array until something changes', () => {
    const [one] = pair(10, 0);
    expect(one.digest.encodedSummary()).toBe(one.digest.encodedSummary());
    const before = one.digest.encodedSummary();
    one.publish(put(service('web')), 0);
    expect(one.digest.encodedSummary()).not.toEqual(before);
    one.deleteOwner('node-1.example');
    expect(one.digest.encodedSummary()).not.toEqual(before);
  });

  test('a request for single owners is answered with those only', () => {
    const [one, other] = pair(20, 5);
    const { deltas } = answerRequest(
      other,
      createOwnersRequest(one, ['node-0.example', 'node-7.example', 'nobody'], 0, () => false),
    );
    expect(deltas.map((delta) => delta.owner)).toEqual(['node-0.example']);
  });

  test('a row repeated a thousand times is answered once', () => {
    const [one, other] = pair(3, 3);
    const [row] = createOwnersRequest(one, ['node-0.example'], 0, () => false).rows;
    const rows = Array.from({ length: 1000 }, () => ({ ...(row as NonNullable<typeof row>), epoch: 0 }));
    expect(answerRequest(other, { bucketCount: 0, buckets: [], rows }).deltas).toHaveLength(1);
  });

  test('deltas above the size of one response come with the next', () => {
    const meta = new Map(Array.from({ length: 30 }, (_, i) => [`k${i}`, 'x'.repeat(500)]));
    const other = open('two');
    for (let i = 0; i < 12; i++) {
      const owner = open(`big-${i}`);
      owner.publish(put(...Array.from({ length: 50 }, (_, j) => service(`web-${j}`, { meta }))), 0);
      other.apply(owner.deltaFor(`big-${i}`) as Delta, 0);
    }
    const one = open('one');
    let rounds = 0;
    for (let more = true; more; rounds++)
      more = acceptResponse(one, answerRequest(other, one.createSyncRequest())).more;
    expect(rounds).toBeGreaterThan(1);
    expect(one.digest.encodedSummary()).toEqual(other.digest.encodedSummary());
  });

  test('a response of which nothing is kept is not followed by another, whatever it says', () => {
    const [one, other] = pair(3, 3);
    const response = { ...answerRequest(other, one.createSyncRequest()), more: true };
    expect(acceptResponse(one, response).more).toBe(true);
    expect(acceptResponse(one, response).more).toBe(false);
  });

  test('deltas go both ways, and an empty ledger of a later epoch replaces a full one', () => {
    const ann = open('ann');
    const bob = open('bob');
    bob.publish(put(service('db')), 0);
    ann.publish(put(service('web')), 0);
    for (const delta of acceptResponse(ann, answerRequest(bob, ann.createSyncRequest())).deltas)
      bob.apply(delta, 0);
    expect(bob.digest.encodedSummary()).toEqual(ann.digest.encodedSummary());

    const restarted = open('ann', { epoch: 2000 });
    for (const delta of acceptResponse(restarted, answerRequest(bob, restarted.createSyncRequest())).deltas)
      bob.apply(delta, 0);
    expect(bob.entries('ann')?.size).toBe(0);
    expect(bob.digest.encodedSummary()).toEqual(restarted.digest.encodedSummary());
  });
});

test('agents of one process may share equal maps, and none writes into another’s', () => {
  const maps = new Map<string, ReadonlyMap<never, never>>();
  const intern: CatalogOptions['intern'] = ({ owner, epoch, version, swept }, entries) => {
    const name = `${owner} ${epoch} ${version} ${swept}`;
    const known = (maps.get(name) as typeof entries | undefined) ?? entries;
    maps.set(name, known as ReadonlyMap<never, never>);
    return known;
  };
  const ann = open('ann', { intern });
  const [bob, cat] = [open('bob', { intern }), open('cat', { intern })];
  const first = ann.publish(put(service('web')), 0).rumors[0]?.delta as Delta;
  bob.apply(first, 0);
  cat.apply(first, 0);
  expect(bob.entries('ann')).toBe(cat.entries('ann'));
  bob.apply(ann.publish(put(service('db')), 0).rumors[0]?.delta as Delta, 0);
  expect([...(bob.entries('ann')?.keys() ?? [])]).toEqual(['s:web', 's:db']);
  expect([...(cat.entries('ann')?.keys() ?? [])]).toEqual(['s:web']);
});
