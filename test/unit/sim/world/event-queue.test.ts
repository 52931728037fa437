import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { EventQueue } from '../../../../src/sim/world/event-queue.ts';

test('what is due at one instant comes out in the order it went in', () => {
  const agenda = new EventQueue<string>();
  agenda.enqueue(5, 'c');
  agenda.enqueue(1, 'a');
  agenda.enqueue(5, 'd');
  agenda.enqueue(1, 'b');

  expect(agenda.dequeue(0)).toBeUndefined();
  expect([agenda.dequeue(9), agenda.dequeue(9), agenda.dequeue(9), agenda.dequeue(9)]).toEqual([
    'a',
    'b',
    'c',
    'd',
  ]);
  expect(agenda.size).toBe(0);
});

property.prop([fc.array(fc.nat(20))])('it is a stable sort', (times) => {
  const agenda = new EventQueue<{ at: number; order: number }>();
  const entries = times.map((at, order) => ({ at, order }));
  for (const entry of entries) agenda.enqueue(entry.at, entry);

  const out = entries.map(() => agenda.dequeue(agenda.deadline));

  expect(out).toEqual([...entries].sort((a, b) => a.at - b.at || a.order - b.order));
});
