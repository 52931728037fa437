import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NEVER } from '../../../src/base/time.ts';
import { Timers } from '../../../src/base/timers.ts';

describe('timers', () => {
  test('are due in order of deadline, then of setting', () => {
    const timers = new Timers<string>();
    timers.set('late', 30);
    timers.set('first', 10);
    timers.set('second', 10);
    expect(timers.deadline).toBe(10);
    expect([timers.pop(30), timers.pop(30), timers.pop(30), timers.pop(30)]).toEqual([
      'first',
      'second',
      'late',
      undefined,
    ]);
    expect(timers.deadline).toBe(NEVER);
  });

  test('setting a key again moves it', () => {
    const timers = new Timers<string>();
    timers.set('a', 10);
    timers.set('a', 50);
    expect(timers.pop(10)).toBeUndefined();
    expect(timers.dueAt('a')).toBe(50);
    expect(timers.size).toBe(1);
  });

  test('a cleared timer is never due', () => {
    const timers = new Timers<string>();
    timers.set('a', 10);
    expect(timers.clear('a')).toBe(true);
    expect(timers.clear('a')).toBe(false);
    expect(timers.pop(NEVER)).toBeUndefined();
  });

  test('all can be postponed; their order stays', () => {
    const timers = new Timers<string>();
    for (const [key, at] of [
      ['a', 30],
      ['b', 10],
      ['c', 10],
    ] as const)
      timers.set(key, at);
    timers.postpone(5);
    expect(timers.deadline).toBe(15);
    expect([timers.pop(14), timers.pop(15), timers.pop(15), timers.pop(34), timers.pop(35)]).toEqual([
      ...[undefined, 'b', 'c', undefined, 'a'],
    ]);
  });

  test('behave like a sorted list under any sequence of set, clear and pop', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('set' as const), key: fc.nat(20), at: fc.nat(100) }),
      fc.record({ do: fc.constant('clear' as const), key: fc.nat(20), at: fc.constant(0) }),
      fc.record({ do: fc.constant('pop' as const), key: fc.constant(0), at: fc.nat(100) }),
    );
    fc.assert(
      fc.property(fc.array(step, { size: 'max', maxLength: 200 }), (steps) => {
        const timers = new Timers<number>();
        let model: { key: number; at: number }[] = [];
        for (const { do: verb, key, at } of steps) {
          if (verb === 'set') {
            timers.set(key, at);
            model = [...model.filter((one) => one.key !== key), { key, at }];
          } else if (verb === 'clear') {
            expect(timers.clear(key)).toBe(model.some((one) => one.key === key));
            model = model.filter((one) => one.key !== key);
          } else {
            const sorted = model.map((one, i) => ({ ...one, i })).sort((a, b) => a.at - b.at || a.i - b.i);
            const due = sorted[0] !== undefined && sorted[0].at <= at ? sorted[0].key : undefined;
            expect(timers.pop(at)).toBe(due);
            if (due !== undefined) model = model.filter((one) => one.key !== due);
          }
          expect(timers.size).toBe(model.length);
          expect(timers.deadline).toBe(Math.min(NEVER, ...model.map((one) => one.at)));
        }
      }),
    );
  });
});
