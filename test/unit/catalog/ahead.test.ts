/** What is held beyond a gap: two copies at one version are not equal if one of them has more of it (A11, A27). */
import { expect, test } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import type { BucketSet } from '../../../src/catalog/digest.ts';
import type { DeltaRumor } from '../../../src/catalog/types.ts';
import { decodeCatalogSummary } from '../../../src/wire/catalog.ts';
import { acceptResponse, answerRequest } from '../../support/anti-entropy.ts';
import { service } from './values.ts';

const catalogOf = (owner: string): Catalog => new Catalog({ owner, epoch: 5, canOwn: () => true });

/** Where bob and cat differ, as a push/pull finds it. */
const difference = (bob: Catalog, cat: Catalog): BucketSet | undefined =>
  bob.differingBuckets(decodeCatalogSummary(cat.digest.encodedSummary()));

const idsOf = (catalog: Catalog): string[] => [...(catalog.entries('ann')?.keys() ?? [])].sort();

/** One sync that bob asks cat for. */
function sync(bob: Catalog, cat: Catalog): void {
  const answer = answerRequest(cat, bob.createSyncRequest(difference(bob, cat)));
  for (const delta of acceptResponse(bob, answer).deltas) cat.apply(delta, 0);
}

test('an owner that dies after a rumor was lost is shown alike by all in the end', () => {
  const ann = catalogOf('ann');
  const rumors = ['a', 'b', 'c', 'd'].map(
    (id) => ann.publish([{ put: service(id) }], 0).rumors[0] as DeltaRumor,
  );
  const [bob, cat] = [catalogOf('bob'), catalogOf('cat')];
  const [first, , third, fourth] = rumors as [DeltaRumor, DeltaRumor, DeltaRumor, DeltaRumor];
  for (const one of [bob, cat]) one.apply({ ...first.delta, from: 0 }, 0);
  expect(difference(bob, cat)).toBeUndefined();

  expect(cat.apply(third.delta, 0).outcome).toBe('gap');
  expect(bob.replicaProgress('ann')).toEqual(cat.replicaProgress('ann'));
  expect(difference(bob, cat)).toBeDefined();
  sync(bob, cat);
  expect(idsOf(bob)).toEqual(['s:a', 's:c']);
  expect(difference(bob, cat)).toBeUndefined();

  expect(bob.apply(fourth.delta, 0).outcome).toBe('gap');
  sync(cat, bob);
  expect(idsOf(cat)).toEqual(['s:a', 's:c', 's:d']);
  expect(difference(bob, cat)).toBeUndefined();

  const whole = ann.deltaFor('ann');
  for (const one of [bob, cat]) if (whole !== undefined) one.apply(whole, 0);
  expect([idsOf(bob), bob.replicaProgress('ann')?.version]).toEqual([['s:a', 's:b', 's:c', 's:d'], 4]);
  expect(difference(bob, ann)).toBeUndefined();
});

test('the same again is no news', () => {
  const ann = catalogOf('ann');
  const rumors = ['a', 'b', 'c'].map((id) => ann.publish([{ put: service(id) }], 0).rumors[0] as DeltaRumor);
  const bob = catalogOf('bob');
  bob.apply({ ...(rumors[0] as DeltaRumor).delta, from: 0 }, 0);
  bob.apply((rumors[2] as DeltaRumor).delta, 0);
  const ahead = bob.deltaFor('ann', bob.replicaProgress('ann'));
  expect(ahead).toMatchObject({ from: 1, to: 1, entries: [{ key: 's:c', version: 3 }] });
  if (ahead !== undefined) expect(bob.apply(ahead, 0)).toMatchObject({ outcome: 'stale', changes: [] });
  expect(ann.deltaFor('ann', ann.replicaProgress('ann'))).toBeUndefined();
});

test('who answers a newcomer from a copy with a gap says that its answer is not all', () => {
  const ann = catalogOf('ann');
  const rumors = ['a', 'b', 'c'].map((id) => ann.publish([{ put: service(id) }], 0).rumors[0] as DeltaRumor);
  const [bob, cat, dan] = [catalogOf('bob'), catalogOf('cat'), catalogOf('dan')];
  bob.apply((rumors[0] as DeltaRumor).delta, 0);
  expect(bob.apply((rumors[2] as DeltaRumor).delta, 0).outcome).toBe('gap');
  const ask = (asker: Catalog, asked: Catalog) =>
    acceptResponse(asker, answerRequest(asked, asker.createSyncRequest(undefined)));

  expect(ask(cat, bob).isPartial).toBe(true);
  expect(ask(dan, ann).isPartial).toBe(false);
  expect(ask(dan, bob).isPartial).toBe(false); // dan has more of it than bob
});

test('what a whole ledger has beyond its gap is newer than what the copy had beyond its own', () => {
  const ann = catalogOf('ann');
  const publish = (id: string, port: number): DeltaRumor['delta'] =>
    (ann.publish([{ put: service(id, { port }) }], 0).rumors[0] as DeltaRumor).delta;
  const deltas = [
    publish('web', 1),
    publish('db', 1),
    publish('web', 2),
    publish('lb', 1),
    publish('web', 3),
  ];
  const [bob, cat] = [catalogOf('bob'), catalogOf('cat')];
  for (const version of [1, 3]) cat.apply(deltas[version - 1] as DeltaRumor['delta'], 0);
  for (const version of [1, 2, 5]) bob.apply(deltas[version - 1] as DeltaRumor['delta'], 0);

  const whole = bob.deltaFor('ann') as DeltaRumor['delta'];
  expect(whole).toMatchObject({ from: 0, to: 2 });
  cat.apply(whole, 0);

  expect(cat.entries('ann')?.get('s:web')).toMatchObject({ version: 5, value: { port: 3 } });
});
