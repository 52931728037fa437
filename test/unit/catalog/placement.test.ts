import { describe, expect, test } from 'vitest';
import { avalanche, Hash } from '../../../src/catalog/hash.ts';
import { instancesChecksum, rendezvousOwners } from '../../../src/catalog/placement.ts';
import type { Instance, InstanceStatus } from '../../../src/catalog/types.ts';
import { service } from './values.ts';

const instance = (node: string, status: InstanceStatus = 'passing', passing = 1, warning = 1): Instance => ({
  node,
  service: service('jobs', { weights: { passing, warning } }),
  checks: [],
  nodeChecks: [],
  up: true,
  status,
  unconfirmed: false,
});
const ten = Array.from({ length: 10 }, (_, i) => instance(`node-${i}`));
const KEYS = Array.from({ length: 20_000 }, (_, i) => `key-${i}`);
const ownerOf = (key: string, of: readonly Instance[]): string | undefined =>
  rendezvousOwners(key, of)[0]?.node;

/** Pearson's chi-squared statistic; at 9 degrees of freedom chance exceeds 27.9 once in 1,000. */
function chiSquare(counts: readonly number[], expected: readonly number[]): number {
  return counts.reduce(
    (sum, count, i) => sum + (count - (expected[i] as number)) ** 2 / (expected[i] as number),
    0,
  );
}

describe('placement', () => {
  test('keys spread evenly', () => {
    const counts = ten.map(({ node }) => KEYS.filter((key) => ownerOf(key, ten) === node).length);
    expect(
      chiSquare(
        counts,
        counts.map(() => KEYS.length / 10),
      ),
    ).toBeLessThan(27.9);
  });

  test('keys spread by weight; an instance in warning has another weight', () => {
    const weighted = [
      instance('a', 'passing', 1),
      instance('b', 'passing', 3),
      instance('c', 'warning', 9, 2),
    ];
    const counts = weighted.map(({ node }) => KEYS.filter((key) => ownerOf(key, weighted) === node).length);
    const expected = [1, 3, 2].map((weight) => (KEYS.length * weight) / 6);
    expect(chiSquare(counts, expected)).toBeLessThan(13.8); // chance exceeds it once in 1,000 at 2 degrees
  });

  test('when an instance is removed, only its own keys move, each to its second choice', () => {
    const left = ten.filter(({ node }) => node !== 'node-3');
    for (const key of KEYS.slice(0, 2000)) {
      const [first, second] = rendezvousOwners(key, ten, 2);
      expect(ownerOf(key, left)).toBe(first?.node === 'node-3' ? second?.node : first?.node);
    }
  });

  test('when an instance is added, keys move to it and nowhere else', () => {
    const more = [...ten, instance('node-10')];
    let moved = 0;
    for (const key of KEYS) {
      if (ownerOf(key, more) === ownerOf(key, ten)) continue;
      expect(ownerOf(key, more)).toBe('node-10');
      moved++;
    }
    expect(moved / KEYS.length).toBeGreaterThan(1 / 11 - 0.01);
    expect(moved / KEYS.length).toBeLessThan(1 / 11 + 0.01);
  });

  test('neither the order of the instances nor unusable ones matter', () => {
    const shuffled = [...ten].reverse().concat(instance('gone', 'critical'), instance('out', 'draining'));
    for (const key of KEYS.slice(0, 500))
      expect(rendezvousOwners(key, shuffled, 3).map((one) => one.node)).toEqual(
        rendezvousOwners(key, ten, 3).map((one) => one.node),
      );
    expect(instancesChecksum(shuffled)).toBe(instancesChecksum(ten));
  });

  test('the checksum differs when two agents see different instances', () => {
    const seen = new Set([
      instancesChecksum([]),
      instancesChecksum(ten),
      instancesChecksum(ten.slice(1)),
      instancesChecksum([...ten.slice(1), instance('node-0', 'warning', 1, 2)]),
      instancesChecksum([instance('ab')]),
      instancesChecksum([instance('a')]),
    ]);
    expect(seen.size).toBe(6);
    for (const one of seen) expect(one).toMatch(/^[0-9a-f]{16}$/);
  });

  test('no instances, or none requested', () => {
    expect(rendezvousOwners('k', [])).toEqual([]);
    expect(rendezvousOwners('k', ten, 0)).toEqual([]);
    expect(rendezvousOwners('k', [instance('a', 'warning', 1, 0)])).toEqual([]);
    expect(rendezvousOwners('k', ten, 99)).toHaveLength(10);
  });

  test('the result is fixed, since agents of other versions must agree', () => {
    expect(
      KEYS.slice(0, 8)
        .map((key) => ownerOf(key, ten)?.slice(5))
        .join(' '),
    ).toMatchInlineSnapshot(`"9 6 5 2 6 9 8 3"`);
    expect(instancesChecksum(ten)).toMatchInlineSnapshot(`"33d83f3460ce59fb"`);
  });
});

describe('hash', () => {
  test('both words fill 256 buckets evenly, also for names that differ in a digit', () => {
    for (const lane of ['high', 'low'] as const)
      for (const shift of [0, 24]) {
        const counts = new Array<number>(256).fill(0);
        for (let i = 0; i < 51_200; i++) {
          const bucket =
            (new Hash().updateText(`node-${i}`).updateNumber(1_790_000_000_000).updateNumber(1)[lane] >>>
              shift) &
            255;
          counts[bucket] = (counts[bucket] as number) + 1;
        }
        expect(
          chiSquare(
            counts,
            counts.map(() => 200),
          ),
        ).toBeLessThan(341); // chance exceeds it once in 5,000 at 255 degrees
      }
  });

  test('a change of one bit turns about half of the bits', () => {
    let turned = 0;
    for (let i = 0; i < 1000; i++)
      for (let bit = 0; bit < 32; bit++)
        for (let x = avalanche(i) ^ avalanche(i ^ (1 << bit)); x !== 0; x &= x - 1) turned++;
    expect(turned / (1000 * 32 * 32)).toBeCloseTo(0.5, 2);
  });

  test('no two of 200,000 states share both words', () => {
    const seen = new Set<string>();
    for (let owner = 0; owner < 200; owner++)
      for (let version = 0; version < 1000; version++) {
        const hash = new Hash().updateText(`n${owner}`).updateNumber(5).updateNumber(version);
        seen.add(`${hash.high} ${hash.low}`);
      }
    expect(seen.size).toBe(200_000);
  });

  test('adjacent texts are told apart', () => {
    const of = (...parts: string[]): string => {
      const hash = new Hash();
      for (const part of parts) hash.updateText(part);
      return `${hash.high} ${hash.low}`;
    };
    expect(new Set([of('ab', 'c'), of('a', 'bc'), of('abc'), of('abc', ''), of('', 'abc')]).size).toBe(5);
  });
});
