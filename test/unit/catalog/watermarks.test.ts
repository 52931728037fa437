import { expect, test } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import type { Delta } from '../../../src/catalog/types.ts';
import { service } from './values.ts';

// Found by seed 10473 of the swarm.
test('an owner that restarted without a snapshot and then left does not come back with its ledger from before', () => {
  const members = new Set(['bob']);
  const ann = new Catalog({ owner: 'ann', epoch: 1, canOwn: (owner) => members.has(owner) });
  const first = new Catalog({ owner: 'bob', epoch: 10, canOwn: () => true });
  first.publish([{ put: service('web-1') }], 0);
  const old = first.deltaFor('bob') as Delta;
  expect(ann.apply(old, 0).outcome).toBe('applied');
  const second = new Catalog({ owner: 'bob', epoch: 20, canOwn: () => true });
  expect(ann.apply(second.deltaFor('bob') as Delta, 0).outcome).toBe('applied');

  members.delete('bob');
  ann.deleteOwner('bob');
  members.add('bob');

  expect(ann.apply(old, 0)).toMatchObject({ outcome: 'stale', changes: [] });
  expect(ann.entries('bob')).toBeUndefined();
  expect(ann.receiveProgress({ owner: 'bob', epoch: 10, version: 1 }, 0)).toBe('stale');
  expect(ann.receiveProgress({ owner: 'bob', epoch: 30, version: 1 }, 0)).toBe('pull');
});

test('I7, seed 300552: entries seen beyond a gap are not undone by a copy that ends below it', () => {
  const open = (owner: string): Catalog => new Catalog({ owner, epoch: 1000, canOwn: () => true });
  const [ann, bob, cat] = [open('ann'), open('bob'), open('cat')];
  const port = (): unknown => {
    const value = bob.entries('ann')?.get('s:web')?.value;
    return value?.kind === 'service' ? value.port : undefined;
  };
  ann.publish([{ put: service('web', { port: 1 }) }], 0);
  for (const one of [bob, cat]) one.apply(ann.deltaFor('ann') as Delta, 0);
  ann.publish([{ put: service('db') }], 0); // bob does not receive it
  const [rumor] = ann.publish([{ put: service('web', { port: 2 }) }], 0).rumors;
  bob.apply(rumor?.delta as Delta, 0);
  expect(port()).toBe(2);

  bob.deleteOwner('ann');
  bob.apply(cat.deltaFor('ann') as Delta, 0);
  expect(port()).toBeUndefined();
  bob.apply(ann.deltaFor('ann') as Delta, 0);
  expect(port()).toBe(2);
});
