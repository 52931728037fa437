import { expect, test } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import type { Delta } from '../../../src/catalog/types.ts';
import { decodeCatalogSummary } from '../../../src/wire/catalog.ts';
import { service } from './values.ts';

const MINUTE = 60_000;
const open = (owner: string, epoch = 1000): Catalog => new Catalog({ owner, epoch, canOwn: () => true });

test('a tombstone is kept for an hour and no longer', () => {
  const ann = open('ann');
  ann.publish([{ put: service('web') }, { put: service('db') }], 0);
  const there = ann.replicaProgress('ann');
  ann.publish([{ remove: 's:db' }], 0);

  for (let now = MINUTE; now < 60 * MINUTE; now += MINUTE) ann.reapTombstones(now);

  const lacking = ann.deltaFor('ann', there);
  expect(lacking).toMatchObject({ from: there?.version, to: 3 });
  expect(lacking?.entries).toEqual([{ key: 's:db', version: 3, value: undefined }]);

  ann.reapTombstones(61 * MINUTE);

  expect([...(ann.entries('ann')?.keys() ?? [])]).toEqual(['s:web']);
  expect(ann.deltaFor('ann', there)).toMatchObject({ from: 0, swept: 3 });
});

test('the age of a tombstone counts from when it was received, not from when it was written', () => {
  const ann = open('ann');
  const bob = open('bob');
  ann.publish([{ put: service('web') }], 0);
  ann.publish([{ remove: 's:web' }], 0);
  bob.apply(ann.deltaFor('ann') as Delta, 50 * MINUTE);

  bob.reapTombstones(70 * MINUTE);
  expect(bob.entries('ann')?.size).toBe(1);

  bob.reapTombstones(111 * MINUTE);
  expect(bob.entries('ann')?.size).toBe(0);
});

test('two epochs of one owner at the same version differ in the summary', () => {
  const [old, young] = [1000, 2000].map((epoch) => {
    const ann = open('ann', epoch);
    ann.publish([{ put: service('web') }], 0);
    const copy = open('bob');
    copy.apply(ann.deltaFor('ann') as Delta, 0);
    return copy;
  }) as [Catalog, Catalog];

  expect(old.replicaProgress('ann')?.version).toBe(young.replicaProgress('ann')?.version);
  expect(old.differingBuckets(decodeCatalogSummary(young.digest.encodedSummary()))).toBeDefined();
  expect(old.differingBuckets(decodeCatalogSummary(old.digest.encodedSummary()))).toBeUndefined();
});
