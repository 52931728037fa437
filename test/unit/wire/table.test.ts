import { expect, test } from 'vitest';
import {
  decodeTable,
  differingBuckets,
  encodeSums,
  encodeTableAnswer,
  encodeTableQuestion,
  includesBucket,
  isTableType,
} from '../../../src/wire/table.ts';

const digest = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

const answer = { id: 7, floor: 2, digest, summary: new Uint8Array(0), sums: new Uint8Array(0) };
const SUMS = Array.from({ length: 32 }, (_, i) => 0xffff_ff00 + i);

test('questions and answers survive the wire', () => {
  const floor = 2 ** 40;
  const question = { id: 4_000_000_000, floor, digest, rest: digest.slice().reverse() };
  expect(decodeTable(encodeTableQuestion(question))).toEqual({ kind: 'tableQuestion', ...question });
  for (const summary of [answer.summary, Uint8Array.of(9, 8)]) {
    const told = { ...answer, floor, summary };
    expect(decodeTable(encodeTableAnswer(told))).toEqual({ kind: 'tableAnswer', ...told });
  }
  const sums = encodeSums(SUMS);
  expect(decodeTable(encodeTableAnswer({ ...answer, sums }))).toMatchObject({ sums });
});

test('their types are no others, and another format, digest or body is refused', () => {
  expect([218, 219, 220, 221].map(isTableType)).toEqual([false, true, true, false]);
  expect(() => decodeTable(Uint8Array.of(219, 2, 0x80))).toThrow('format 2');
  expect(() => decodeTable(Uint8Array.of(205, 1, 0x80))).toThrow('type 205');
  expect(() => decodeTable(encodeTableAnswer({ ...answer, digest: digest.subarray(1) }))).toThrow(
    'a digest of 7 bytes',
  );
  expect(() => decodeTable(encodeTableAnswer(answer).subarray(0, 9))).toThrow();
  expect(() => decodeTable(encodeTableAnswer({ ...answer, sums: digest }))).toThrow('sums of 8 bytes');
});

test.each([0, 7, 8, 31])('a sum that differs puts its bucket in the set, and no other (%i)', (bucket) => {
  const others = SUMS.map((sum, i) => (i === bucket ? sum - 1 : sum));
  const set = differingBuckets(encodeSums(SUMS), encodeSums(others));
  expect(SUMS.map((_, i) => i).filter((i) => includesBucket(set, i))).toEqual([bucket]);
});
