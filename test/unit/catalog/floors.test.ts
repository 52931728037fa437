import { expect, test } from 'vitest';
import { Catalog } from '../../../src/catalog/catalog.ts';
import type { Delta } from '../../../src/catalog/types.ts';
import { service } from './values.ts';

// Seed 10473 of the swarm.
test('an owner born again with nothing, that then left, does not come back as it was in the life before', () => {
  const members = new Set(['bob']);
  const ann = new Catalog({ owner: 'ann', epoch: 1, admits: (owner) => members.has(owner) });
  const first = new Catalog({ owner: 'bob', epoch: 10, admits: () => true });
  first.write([{ put: service('web-1') }], 0);
  const old = first.deltaFor('bob') as Delta;
  expect(ann.apply(old, 0).outcome).toBe('applied');
  const second = new Catalog({ owner: 'bob', epoch: 20, admits: () => true });
  expect(ann.apply(second.deltaFor('bob') as Delta, 0).outcome).toBe('applied');

  members.delete('bob');
  ann.drop('bob');
  members.add('bob');

  expect(ann.apply(old, 0)).toMatchObject({ outcome: 'known', changes: [] });
  expect(ann.entries('bob')).toBeUndefined();
  expect(ann.hear({ owner: 'bob', epoch: 10, version: 1 }, 0)).toBe('known');
  expect(ann.hear({ owner: 'bob', epoch: 30, version: 1 }, 0)).toBe('ask');
});
