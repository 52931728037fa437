import { expect, test } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import type { Delta } from '../../../src/catalog/types.ts';
import { decodeSummary } from '../../../src/wire/catalog.ts';
import { service } from './values.ts';

const MINUTE = 60_000;
const open = (owner: string, epoch = 1000): Catalog => new Catalog({ owner, epoch, admits: () => true });

test('a removal is kept for an hour, for those who are away, and no longer', () => {
  const ann = open('ann');
  ann.write([{ put: service('web') }, { put: service('db') }], 0);
  const there = ann.progressOf('ann');
  ann.write([{ remove: 's:db' }], 0);

  for (let now = MINUTE; now < 60 * MINUTE; now += MINUTE) ann.sweep(now);

  const lacking = ann.deltaFor('ann', there);
  expect(lacking).toMatchObject({ from: there?.version, to: 3 });
  expect(lacking?.entries).toEqual([{ key: 's:db', version: 3, value: undefined }]);

  ann.sweep(61 * MINUTE);

  expect([...(ann.entries('ann')?.keys() ?? [])]).toEqual(['s:web']);
  expect(ann.deltaFor('ann', there)).toMatchObject({ from: 0, swept: 3 });
});

test('a copy is swept by the time at which the removal came, not by that at which it was written', () => {
  const ann = open('ann');
  const bob = open('bob');
  ann.write([{ put: service('web') }], 0);
  ann.write([{ remove: 's:web' }], 0);
  bob.apply(ann.deltaFor('ann') as Delta, 50 * MINUTE);

  bob.sweep(70 * MINUTE);
  expect(bob.entries('ann')?.size).toBe(1);

  bob.sweep(111 * MINUTE);
  expect(bob.entries('ann')?.size).toBe(0);
});

test('two lives of one owner at the same version differ in the summary', () => {
  const [old, young] = [1000, 2000].map((epoch) => {
    const ann = open('ann', epoch);
    ann.write([{ put: service('web') }], 0);
    const copy = open('bob');
    copy.apply(ann.deltaFor('ann') as Delta, 0);
    return copy;
  }) as [Catalog, Catalog];

  expect(old.progressOf('ann')?.version).toBe(young.progressOf('ann')?.version);
  expect(old.differing(decodeSummary(young.summary()))).toBeDefined();
  expect(old.differing(decodeSummary(old.summary()))).toBeUndefined();
});
