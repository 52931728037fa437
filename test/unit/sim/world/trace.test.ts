import { expect, test } from 'vitest';
import { formatFlat, Trace } from '../../../../src/sim/world/trace.ts';

const bytes = new Uint8Array([1, 2, 3]);

test('lines have the documented form', () => {
  const trace = new Trace({ detail: 'packets', maxLines: 10 });
  trace.record(12_345, 'bob', '*', 'stop');
  trace.record(
    12_345.4,
    'ann',
    '!',
    formatFlat({ kind: 'memberSuspected', node: 'bob', by: 'ann' } as { kind: string }),
  );
  trace.recordTransfer({ at: 12_346, from: 'ann', sign: '>', to: 'bob' }, bytes, () => 'ping+suspect');

  expect(trace.lines()).toEqual([
    '12.345 bob * stop',
    '12.345 ann ! memberSuspected node=bob by=ann',
    '12.346 ann > bob ping+suspect 3',
  ]);
});

test('only the last lines are kept, but all are counted and hashed', () => {
  const short = new Trace({ detail: 'facts', maxLines: 3 });
  const full = new Trace({ detail: 'facts', maxLines: Number.POSITIVE_INFINITY });
  for (let i = 0; i < 1000; i++) for (const trace of [short, full]) trace.record(i, 'ann', '!', `fact ${i}`);

  expect(short.lines()).toEqual(full.lines().slice(-3));
  expect(short.lineCount).toBe(1000);
  expect(short.hash).toBe(full.hash);
});

test('one octet of one datagram changes the hash', () => {
  const hash = (last: number): string => {
    const trace = new Trace({ detail: 'packets', maxLines: 0 });
    trace.recordTransfer(
      { at: 1, from: 'ann', sign: '>', to: 'bob' },
      new Uint8Array([1, 2, last]),
      () => '',
    );
    return trace.hash;
  };
  expect(hash(3)).toBe(hash(3));
  expect(hash(3)).not.toBe(hash(4));
});

test('switched off it costs and records nothing', () => {
  const trace = new Trace({ detail: 'off', maxLines: 10 });
  const before = trace.hash;
  trace.record(1, 'ann', '!', 'x');
  trace.recordTransfer({ at: 1, from: 'ann', sign: '>', to: 'bob' }, bytes, () => {
    throw new Error('asked');
  });
  expect(trace.lines()).toEqual([]);
  expect(trace.hash).toBe(before);
});
