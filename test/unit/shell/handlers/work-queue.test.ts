import { expect, test } from 'vitest';
import { WorkQueue } from '../../../../src/shell/handlers/work-queue.ts';

test('what waits when the queue is closed is not processed, and nothing is accepted any more', async () => {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const queue = new WorkQueue<string>({
    concurrency: 1,
    maxQueued: 8,
    process: (item) => {
      begun.push(item);
      return new Promise((resolve) => ends.push(resolve));
    },
    onDropped: () => {},
  });
  queue.enqueue('first');
  queue.enqueue('second');
  queue.close();
  queue.enqueue('third');
  ends[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(begun).toEqual(['first']);
  expect(queue.isIdle).toBe(true);
});
