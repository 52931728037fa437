/** The question how far ledgers are served, and its answer: both read back, and no bytes do more than fail. P84. */
import { expect, test } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import {
  decodeServedAnswer,
  decodeServedQuestion,
  encodeServedAnswer,
  encodeServedQuestion,
  MAX_SERVED_ROWS,
} from '../../../src/wire/served.ts';

const ROWS = [
  { owner: 'ann', epoch: 1_800_000_000_000_123, version: 42 },
  { owner: 'bob', epoch: 0, version: 0 },
];

test('a question reads back, and its answer, which is shorter', () => {
  const question = encodeServedQuestion(ROWS);
  expect(decodeServedQuestion(question)).toEqual(ROWS);
  const rows = ROWS.map(({ epoch, version }) => ({ epoch, version }));
  const answer = encodeServedAnswer({ rows, waiting: 0 });
  expect(decodeServedAnswer(answer)).toMatchObject({ rows, waiting: 0 });
  expect(decodeServedAnswer(encodeServedAnswer({ rows, waiting: 7 })).waiting).toBe(7);
  expect(answer.length).toBeLessThan(question.length);
  expect(question.length).toBeLessThan(60);
});

test('cut, foreign and overlong ones are refused', () => {
  const question = encodeServedQuestion(ROWS);
  for (let end = 0; end < question.length; end++)
    expect(() => decodeServedQuestion(question.subarray(0, end))).toThrow(WireError);
  const answer = encodeServedAnswer({ rows: ROWS, waiting: 1 });
  for (let end = 0; end < answer.length; end++)
    expect(() => decodeServedAnswer(answer.subarray(0, end))).toThrow(WireError);
  expect(() => decodeServedQuestion(Uint8Array.of(2, ...question.subarray(1)))).toThrow('format 2');
  const many = Array.from({ length: MAX_SERVED_ROWS + 1 }, (_, i) => ({
    owner: `n${i}`,
    epoch: 1,
    version: 1,
  }));
  expect(() => decodeServedQuestion(encodeServedQuestion(many))).toThrow(WireError);
});
