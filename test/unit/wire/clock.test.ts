import { expect, test } from 'vitest';
import { isCatalogType } from '../../../src/wire/catalog.ts';
import { decodeClock, encodeClockAnswer, encodeClockRequest, isClockType } from '../../../src/wire/clock.ts';

test('requests and answers survive the wire', () => {
  expect(decodeClock(encodeClockRequest(4_000_000_000))).toEqual({ kind: 'clockRequest', id: 4_000_000_000 });
  const answer = { kind: 'clockAnswer', id: 7, wall: 1_790_000_000_123 };
  expect(decodeClock(encodeClockAnswer(7, answer.wall))).toEqual(answer);
});

test('their types are no others, and another format or body is refused', () => {
  expect(isClockType(213) && isClockType(214) && !isClockType(212) && !isCatalogType(213)).toBe(true);
  expect(() => decodeClock(Uint8Array.of(213, 2, 0x80))).toThrow('format 2');
  expect(() => decodeClock(Uint8Array.of(205, 1, 0x80))).toThrow('type 205');
  expect(() => decodeClock(encodeClockAnswer(1, 2).subarray(0, 5))).toThrow();
});
