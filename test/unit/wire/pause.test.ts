import { expect, test } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import { isCatalogType } from '../../../src/wire/catalog.ts';
import { decodePause, encodePause, encodePauseAck, isPauseType } from '../../../src/wire/pause.ts';

const PAUSE = { kind: 'pause', node: 'web-1', incarnation: 7, millis: 30_000 } as const;

test('a pause and its acknowledgement read as they were written', () => {
  expect(decodePause(encodePause(PAUSE))).toEqual(PAUSE);
  expect(decodePause(encodePauseAck({ incarnation: 7 }))).toEqual({ kind: 'pauseAck', incarnation: 7 });
});

test('on the wire a pause is a type of its own, a format, and a map', () => {
  expect([...encodePause({ node: 'a', incarnation: 1, millis: 1000 })]).toEqual([
    ...[205, 1, 0x83, 0xa1, 'd'.charCodeAt(0), 0xcd, 0x03, 0xe8],
    ...[0xa1, 'i'.charCodeAt(0), 1, 0xa1, 'n'.charCodeAt(0), 0xa1, 'a'.charCodeAt(0)],
  ]);
  expect(isPauseType(205) && isPauseType(206) && !isPauseType(204) && !isCatalogType(205)).toBe(true);
});

test.each<[string, Uint8Array]>([
  ['another format', Uint8Array.of(205, 2, 0x80)],
  ['another type', Uint8Array.of(207, 1, 0x80)],
  ['no name', encodePause({ ...PAUSE, node: '' })],
  ['a name that is too long', encodePause({ ...PAUSE, node: 'x'.repeat(256) })],
  ['nothing after its type', Uint8Array.of(205)],
  ['half a map', encodePause(PAUSE).subarray(0, 6)],
])('a message with %s is refused', (_, bytes) => {
  expect(() => decodePause(bytes)).toThrow(WireError);
});
