import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { EventQueue } from '../../../../src/sim/world/event-queue.ts';

test('events of one instant come out in the order in which they were added', () => {
  const queue = new EventQueue<string>();
  queue.enqueue(5, 'c');
  queue.enqueue(1, 'a');
  queue.enqueue(5, 'd');
  queue.enqueue(1, 'b');

  expect(queue.dequeue(0)).toBeUndefined();
  expect([queue.dequeue(9), queue.dequeue(9), queue.dequeue(9), queue.dequeue(9)]).toEqual([
    'a',
    'b',
    'c',
    'd',
  ]);
  expect(queue.size).toBe(0);
});

property.prop([fc.array(fc.nat(20))])('it is a stable sort', (times) => {
  const queue = new EventQueue<{ at: number; order: number }>();
  const entries = times.map((at, order) => ({ at, order }));
  for (const entry of entries) queue.enqueue(entry.at, entry);

  const out = entries.map(() => queue.dequeue(queue.deadline));

  expect(out).toEqual([...entries].sort((a, b) => a.at - b.at || a.order - b.order));
});
