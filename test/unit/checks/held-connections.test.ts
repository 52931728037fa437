/** The hold check: one run lasts as long as its connection, and is tried again with backoff when it ends. */
import { describe, expect, test } from 'vitest';
import { SECOND, stand } from './support.ts';

const WEB = { Name: 'web', Check: { CheckID: 'h', Hold: '127.0.0.1:80' } };

function holding() {
  const one = stand();
  one.service(WEB);
  one.pass(SECOND);
  const finish = (status: 'passing' | 'critical', continues = false): void => {
    const generation = one.runs.at(-1)?.run.generation ?? 0;
    const outcome = { check: 'h', generation, status, output: `it is ${status}` } as const;
    one.registry.onCheckFinished(continues ? { ...outcome, continues: true } : outcome, one.now(), out);
  };
  const out: Parameters<typeof one.registry.tick>[1] = [];
  const stops = (): string[] =>
    out.splice(0).flatMap((effect) => (effect.kind === 'stop' ? [effect.check] : []));
  return { one, finish, stops };
}

describe('a hold check', () => {
  test('needs no interval, runs within a second, and lasts while its connection does', () => {
    const { one, finish } = holding();
    expect(one.runs.map(({ run }) => run.probe)).toEqual([{ kind: 'hold', target: '127.0.0.1:80' }]);
    finish('passing', true);
    one.pass(3600 * SECOND);
    expect([one.status('h'), one.runs.length]).toEqual(['passing', 1]);
    finish('critical');
    expect(one.status('h')).toBe('critical');
  });

  test('is tried again a second later, then ever more seldom, at least each interval', () => {
    const { one, finish } = holding();
    finish('passing', true);
    finish('critical');
    const gaps: number[] = [];
    for (let i = 0; i < 8; i++) {
      const [began, count] = [one.now(), one.runs.length];
      for (let i = 0; i < 400 && one.runs.length === count; i++) one.pass(100);
      gaps.push(one.now() - began);
      finish('critical');
    }
    expect(gaps[0]).toBeLessThanOrEqual(SECOND);
    expect(gaps[0]).toBeGreaterThanOrEqual(500);
    expect(gaps.at(-1)).toBeGreaterThan(15 * SECOND);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30 * SECOND);

    finish('passing', true); // of a run that is over: nothing happens
    expect(one.status('h')).toBe('critical');
    one.pass(30 * SECOND);
    finish('passing', true);
    finish('critical');
    one.pass(SECOND);
    expect(one.runs.at(-1)?.at).toBeGreaterThanOrEqual(one.now() - SECOND); // it begins with a second again
  });

  test('a connection that nobody answers for is given up, and tried again', () => {
    const { one } = holding();
    one.pass(20 * SECOND);
    expect([one.status('h'), one.output('h')]).toEqual([
      'critical',
      'the check was started and never finished',
    ]);
    one.pass(2 * SECOND);
    expect(one.runs.length).toBeGreaterThan(1);
  });

  test('its connection is closed when it is removed, or another is to be held', () => {
    const { one, finish } = holding();
    const stopped = (): string[] =>
      one.effects().flatMap((effect) => (effect.kind === 'stop' ? [effect.check] : []));
    finish('passing', true);
    one.effects();
    one.service({ ...WEB, Check: { ...WEB.Check, Hold: '127.0.0.1:81' } });
    expect(stopped()).toEqual(['h']);
    one.pass(SECOND);
    finish('passing', true);
    one.effects();
    one.deregister('web');
    expect(stopped()).toEqual(['h']);
    finish('critical');
    expect(one.checks()).toEqual([]);
  });
});
