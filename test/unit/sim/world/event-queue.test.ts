import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { Agenda } from '../../../../src/sim/world/event-queue.ts';

test('what is due at one instant comes out in the order it went in', () => {
  const agenda = new Agenda<string>();
  agenda.put(5, 'c');
  agenda.put(1, 'a');
  agenda.put(5, 'd');
  agenda.put(1, 'b');

  expect(agenda.pop(0)).toBeUndefined();
  expect([agenda.pop(9), agenda.pop(9), agenda.pop(9), agenda.pop(9)]).toEqual(['a', 'b', 'c', 'd']);
  expect(agenda.size).toBe(0);
});

property.prop([fc.array(fc.nat(20))])('it is a stable sort', (times) => {
  const agenda = new Agenda<{ at: number; order: number }>();
  const entries = times.map((at, order) => ({ at, order }));
  for (const entry of entries) agenda.put(entry.at, entry);

  const out = entries.map(() => agenda.pop(agenda.deadline));

  expect(out).toEqual([...entries].sort((a, b) => a.at - b.at || a.order - b.order));
});
