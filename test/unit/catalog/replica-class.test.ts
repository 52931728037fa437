/** An agent holds a replica of each member's ledger: they must be objects of one hidden class, or each takes some 2 kB more. */
import { setFlagsFromString } from 'node:v8';
import { expect, test } from 'vitest';
import { newReplica } from '../../../src/catalog/replica.ts';

test('all replicas have one hidden class', () => {
  setFlagsFromString('--allow-natives-syntax');
  const isSameClass = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (
    a: unknown,
    b: unknown,
  ) => boolean;
  setFlagsFromString('--no-allow-natives-syntax');
  // The first ones are equal whatever they are made of.
  const replicas = Array.from({ length: 3000 }, (_, i) => newReplica(`m${i}`, i));
  expect(replicas.slice(2000).every((one) => isSameClass(one, replicas[0]))).toBe(true);
});
