import { expect, test } from 'vitest';
import { Keyring, MAX_KEYRING_KEYS } from '../../../src/wire/keyring.ts';

const key = (octet: number, bytes = 32): Uint8Array => new Uint8Array(bytes).fill(octet);
const firsts = (ring: Keyring): number[] => ring.keys.map((one) => one[0] as number);

test('P59 install, use, remove: the primary is first, and cannot be removed', () => {
  const ring = new Keyring([key(1)]);

  expect(ring.install(key(2, 16))).toBe(true);
  expect(ring.install(key(2, 16))).toBe(false);
  expect(ring.use(key(2, 16))).toBe(true);
  expect(firsts(ring)).toEqual([2, 1]);
  expect(() => ring.remove(key(2, 16))).toThrowError(/primary/);
  expect(ring.remove(key(1))).toBe(true);
  expect(ring.remove(key(1))).toBe(false);
  expect(() => ring.use(key(3))).toThrowError(/install it first/);
  expect(firsts(ring)).toEqual([2]);
});

test('G16 no sequence of commands empties a keyring, or fills an empty one', () => {
  const ring = new Keyring([key(1)]);
  for (let octet = 0; octet < 256; octet++)
    try {
      ring.remove(key(octet));
    } catch {
      // the primary
    }
  expect(firsts(ring)).toEqual([1]);
  expect(() => new Keyring([]).install(key(1))).toThrowError(/not enabled/);
  expect(() => ring.install(key(1, 20))).toThrowError(/16, 24 or 32/);
  for (let octet = 2; octet <= MAX_KEYRING_KEYS; octet++) ring.install(key(octet));
  expect(() => ring.install(key(200))).toThrowError(/full/);
});

test('replace: exactly these keys, and what that changed; a primary that stays keeps its count', () => {
  const [one, two, three] = [key(1), key(2, 16), key(3, 24)];
  const ring = new Keyring([one, two]);
  ring.recordSeal();

  expect(ring.replace([key(1), three])).toEqual([
    { key: three, change: 'install' },
    { key: two, change: 'remove' },
  ]);
  expect(ring.primary).toBe(one);
  expect(ring.seals).toBe(1);
  expect(ring.replace([three, one, two])).toEqual([
    { key: two, change: 'install' },
    { key: three, change: 'use' },
  ]);
  expect(ring.seals).toBe(0);
  expect(ring.replace([three, two, one])).toEqual([]);
  expect(firsts(ring)).toEqual([3, 2, 1]);

  expect(() => ring.replace([])).toThrowError(/1 to 64 keys/);
  expect(() => ring.replace(Array.from({ length: 65 }, (_, i) => key(i)))).toThrowError(/1 to 64 keys/);
  expect(() => new Keyring([]).replace([one])).toThrowError(/not enabled/);
  expect(firsts(ring)).toEqual([3, 2, 1]);
});

test('S5 messages sealed with the primary are counted, from 0 for a new one', () => {
  const ring = new Keyring([key(1), key(2)]);
  ring.recordSeal();
  ring.recordSeal();
  expect(ring.seals).toBe(2);
  ring.use(key(2));
  expect(ring.seals).toBe(0);
});
