/** The test of the guide for users: docs/guides/node.md shows it as it stands below the line, with the name of the package. */
// ---
import { expect, test } from 'vitest';
import { createCluster } from '../../../src/embed/testing.ts';

const ids = (service: { all(): readonly { id: string }[] }) => service.all().map(({ id }) => id);

test('the shop finds its database after a crash, and during a partition', () => {
  const cluster = createCluster({ hosts: ['a', 'b', 'c'], tags: { a: { zone: 'x' }, c: { zone: 'x' } } });
  cluster.register('a', { name: 'db', id: 'db-1', port: 5432 });
  cluster.register('b', { name: 'db', id: 'db-2', port: 5432 });
  cluster.register('b', { name: 'cache', port: 6379 });
  cluster.register('c', { name: 'shop', port: 8080 });

  const hearsay = cluster.client('c'); // what connect() returns to the shop
  const db = hearsay.discover('db');
  const cache = hearsay.discover('cache');
  cluster.until(() => db.all().length === 2 && cache.all().length === 1);
  expect(db.pick().id).toBe('db-1'); // the own zone first

  cluster.crash('b');
  const detected = cluster.until(() => cache.all().length === 0);
  expect(detected).toBeLessThan(10_000);
  expect(ids(db)).toEqual(['db-1']);
  expect(() => cache.pick()).toThrow('there is no instance of "cache"');

  cluster.restart('b');
  cluster.register('b', { name: 'db', id: 'db-2', port: 5432 });
  cluster.until(() => db.all().length === 2);

  cluster.partition(['a'], ['b', 'c']);
  cluster.until(() => ids(db).join() === 'db-2');
  expect(db.pick().id).toBe('db-2'); // the other zone is better than nothing
  cluster.heal();
  cluster.until(() => db.all().length === 2);
  cluster.close();
});
