import { expect, test } from 'vitest';
import { decodeTable, encodeTableAnswer, encodeTableQuestion, isTableType } from '../../../src/wire/table.ts';

const digest = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

test('questions and answers survive the wire', () => {
  const floor = 2 ** 40;
  expect(decodeTable(encodeTableQuestion(4_000_000_000, floor, digest))).toEqual({
    ...{ kind: 'tableQuestion', id: 4_000_000_000, floor, digest },
  });
  expect(decodeTable(encodeTableAnswer(7, floor, digest))).toEqual({
    ...{ kind: 'tableAnswer', id: 7, floor, digest },
  });
});

test('their types are no others, and another format, digest or body is refused', () => {
  expect([218, 219, 220, 221].map(isTableType)).toEqual([false, true, true, false]);
  expect(() => decodeTable(Uint8Array.of(219, 2, 0x80))).toThrow('format 2');
  expect(() => decodeTable(Uint8Array.of(205, 1, 0x80))).toThrow('type 205');
  expect(() => decodeTable(encodeTableAnswer(1, 2, digest.subarray(1)))).toThrow('a digest of 7 bytes');
  expect(() => decodeTable(encodeTableAnswer(1, 2, digest).subarray(0, 9))).toThrow();
});
