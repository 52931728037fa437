import { expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../../src/wire/memberlist.ts';
import { decodeWatch, encodeWatch, FAREWELL, isWatchType, WATCHING } from '../../../src/wire/watch.ts';

test('what is written is read, and the types are none of Serf or the catalog', () => {
  const body = encodeWatch({ node: 'bob', watcher: 'ann' });
  expect(decodeWatch(body)).toEqual({ kind: 'watch', node: 'bob', watcher: 'ann' });
  expect(decodeWatch(WATCHING).kind).toBe('watching');
  expect(decodeWatch(FAREWELL).kind).toBe('farewell');
  for (const one of [body, WATCHING, FAREWELL]) expect(isWatchType(one[0] ?? 0)).toBe(true);
  for (const type of [0, 9, 200, 204, 205, 206]) expect(isWatchType(type)).toBe(false);
});

test('other formats, other types and names that no member has are refused', () => {
  const body = encodeWatch({ node: 'bob', watcher: 'ann' });
  expect(() => decodeWatch(Uint8Array.of(body[0] ?? 0, 2, ...body.subarray(2)))).toThrow('format 2');
  expect(() => decodeWatch(Uint8Array.of(205, ...body.subarray(1)))).toThrow('type 205');
  expect(() => decodeWatch(encodeWatch({ node: '', watcher: 'ann' }))).toThrow('empty');
  expect(() => decodeWatch(encodeWatch({ node: 'bob', watcher: 'x'.repeat(256) }))).toThrow('255');
});

test('a suspicion says that its accuser was refused, and is as before if it was not', () => {
  const plain = { kind: 'suspect', incarnation: 3, node: 'bob', from: 'ann' } as const;
  expect(decodeMessage(encodeMessage({ ...plain, refused: true }))).toEqual({ ...plain, refused: true });
  expect(decodeMessage(encodeMessage(plain))).toEqual(plain);
  expect(encodeMessage({ ...plain, refused: undefined })).toEqual(encodeMessage(plain));
  expect(encodeMessage(plain)[1]).toBe(0x83); // a map of three
});
