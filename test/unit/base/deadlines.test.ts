import { describe, expect, test } from 'vitest';
import { Deadlines } from '../../../src/base/deadlines.ts';
import { NEVER } from '../../../src/base/time.ts';
import { Timers } from '../../../src/base/timers.ts';

describe('deadlines', () => {
  test('without parts nothing is ever due', () => {
    expect(new Deadlines().earliest).toBe(NEVER);
  });

  test('the earliest of all parts is reported, read anew at each request', () => {
    const deadlines = new Deadlines();
    const timers = new Timers<string>();
    let at = NEVER;
    deadlines.add(() => timers.deadline);
    deadlines.add(() => at);
    deadlines.add(() => 50);
    expect(deadlines.earliest).toBe(50);
    timers.set('a', 20);
    expect(deadlines.earliest).toBe(20);
    at = 10;
    expect(deadlines.earliest).toBe(10);
    timers.clear('a');
    at = 60;
    expect(deadlines.earliest).toBe(50);
  });

  test('a deadline that is not a number ends the process in place of a timer that never fires', () => {
    const deadlines = new Deadlines();
    deadlines.add(() => Number.NaN);
    expect(() => deadlines.earliest).toThrow('impossible: a deadline that is not a number');
  });
});
