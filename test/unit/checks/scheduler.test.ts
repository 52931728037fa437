import { describe, expect, test } from 'vitest';
import { OVERDUE_SLACK } from '../../../src/checks/scheduler.ts';
import { MINUTE, SECOND, stand } from './support.ts';

const HTTP = { Name: 'c', HTTP: 'http://127.0.0.1:1/', Interval: '10s', Timeout: '2s' };

describe('C1: when checks run', () => {
  test('first after a random part of the interval, then every interval', () => {
    const firsts = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
      const { check, pass, runs } = stand({ seed });
      check(HTTP);
      pass(MINUTE, () => 'passing');
      const times = runs.map(({ at }) => at);
      expect(times).toHaveLength(6);
      const first = times[0] as number;
      for (const [i, at] of times.entries()) expect(at).toBeCloseTo(first + i * 10 * SECOND);
      return first;
    });
    expect(Math.min(...firsts)).toBeLessThan(3 * SECOND);
    expect(Math.max(...firsts)).toBeGreaterThan(7 * SECOND);
  });

  test('a thousand checks registered at once are spread over the interval', () => {
    const { check, pass, runs } = stand();
    for (let i = 0; i < 500; i++) check({ ...HTTP, Name: `c${i}` });
    pass(10 * SECOND, () => 'passing');
    const perSecond = Array.from({ length: 10 }, () => 0);
    for (const { at } of runs)
      perSecond[Math.floor(at / SECOND)] = (perSecond[Math.floor(at / SECOND)] ?? 0) + 1;
    expect(Math.max(...perSecond)).toBeLessThan(100);
  });

  test('never two runs of one check at once: a slow one skips a run', () => {
    const { check, pass, runs, outcome } = stand();
    check({ ...HTTP, Timeout: '60s' });
    pass(35 * SECOND);
    expect(runs).toHaveLength(1);
    outcome('c', 'passing');
    pass(10 * SECOND);
    expect(runs).toHaveLength(2);
  });

  test('after a pause of the process each check runs once, and keeps its phase', () => {
    const { check, pass, runs, registry } = stand();
    for (let i = 0; i < 20; i++) check({ ...HTTP, Name: `c${i}` });
    pass(10 * SECOND, () => 'passing');
    const places = new Map(runs.map(({ at, run }) => [run.check, at % (10 * SECOND)]));
    runs.length = 0;
    const out: Parameters<typeof registry.tick>[1] = [];
    registry.tick(5 * MINUTE, out); // the process was paused for five minutes
    expect(out.filter(({ kind }) => kind === 'run')).toHaveLength(20);
    for (let i = 0; i < 20; i++) {
      const run = out.flatMap((effect) => (effect.kind === 'run' ? [effect.run] : []))[i];
      registry.onCheckFinished(
        { check: run?.check ?? '', generation: run?.generation ?? 0, status: 'passing', output: '' },
        5 * MINUTE,
        [],
      );
    }
    const next: Parameters<typeof registry.tick>[1] = [];
    const times = new Map<string, number>();
    while (registry.deadline <= 5 * MINUTE + 10 * SECOND) {
      const at = registry.deadline;
      registry.tick(at, next);
      for (const effect of next.splice(0))
        if (effect.kind === 'run') times.set(effect.run.check, at % (10 * SECOND));
    }
    expect(times.size).toBe(20);
    for (const [id, place] of places) expect(times.get(id)).toBeCloseTo(place);
  });

  test('a removed check does not run any more', () => {
    const { check, pass, runs, deregisterCheck, registry } = stand();
    check(HTTP);
    deregisterCheck('c');
    pass(MINUTE);
    expect(runs).toEqual([]);
    expect(registry.deadline).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('outcomes', () => {
  test('a missing outcome counts as critical, and a late one is ignored', () => {
    const { check, pass, runs, outcome, status, output, facts } = stand();
    check({ ...HTTP, Status: 'passing' });
    pass(10 * SECOND);
    const late = runs[0]?.run.generation ?? 0;
    pass(2 * SECOND + OVERDUE_SLACK);
    expect(status('c')).toBe('critical');
    expect(output('c')).toBe('the check was started and never finished');
    expect(facts()).toContainEqual({ kind: 'checkTimedOut', check: 'c', service: '' });
    outcome('c', 'passing', 'too late', late);
    expect(status('c')).toBe('critical');
    pass(10 * SECOND, () => 'passing');
    expect(status('c')).toBe('passing');
  });

  test('an outcome of an earlier definition, of another check, or a second one, changes nothing', () => {
    const { check, pass, runs, outcome, status } = stand();
    check(HTTP);
    pass(10 * SECOND);
    const old = runs[0]?.run.generation ?? 0;
    check({ ...HTTP, Notes: 'changed' });
    outcome('c', 'passing', '', old);
    outcome('nobody', 'passing', '', old);
    expect(status('c')).toBe('critical');
    pass(10 * SECOND, () => 'warning');
    outcome('c', 'passing');
    expect(status('c')).toBe('warning');
  });

  test('an outcome of an earlier definition changes nothing while a run of the new one is under way', () => {
    const { check, pass, runs, outcome, status } = stand();
    check(HTTP);
    pass(10 * SECOND);
    const old = runs[0]?.run.generation ?? 0;
    check({ ...HTTP, Notes: 'changed' });
    pass(10 * SECOND);
    expect(runs).toHaveLength(2);
    outcome('c', 'passing', '', old);
    expect(status('c')).toBe('critical');
    outcome('c', 'passing');
    expect(status('c')).toBe('passing');
  });

  test('C4: the output is truncated to the limit, between characters', () => {
    const { check, pass, outcome, output } = stand();
    check({ ...HTTP, OutputMaxSize: 100 });
    pass(10 * SECOND);
    outcome('c', 'passing', 'ä'.repeat(300));
    expect(Buffer.byteLength(output('c') ?? '')).toBeLessThanOrEqual(100);
    expect(output('c')).toMatch(/^ä+ \.\.\. \(captured \d+ of 600 bytes\)$/);
    check({ ...HTTP, OutputMaxSize: 5 });
    expect(output('c')).toBe('ää');
  });

  test('C2: thresholds delay a status', () => {
    const { check, pass, status } = stand();
    check({ ...HTTP, FailuresBeforeWarning: 2, FailuresBeforeCritical: 3 });
    const answers = ['passing', 'critical', 'critical', 'critical', 'passing'] as const;
    const seen = answers.map((answer) => {
      pass(10 * SECOND, () => answer);
      return status('c');
    });
    expect(seen).toEqual(['passing', 'passing', 'warning', 'critical', 'passing']);
  });
});
