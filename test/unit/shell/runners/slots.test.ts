import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { CheckOutcome } from '../../../../src/checks/types.ts';
import { createRunners } from '../../../../src/shell/runners/index.ts';
import { Slots } from '../../../../src/shell/runners/slots.ts';
import { waitUntil } from '../../../support/wait.ts';
import { listening, order } from './support.ts';

/** Work that goes on until it is ended by name. */
function workshop(options: ConstructorParameters<typeof Slots>[0]) {
  const slots = new Slots(options);
  const running = new Map<string, () => void>();
  const canceled: string[] = [];
  const take = (key: string, name = key): void =>
    slots.schedule(
      key,
      (signal) =>
        new Promise((resolve) => {
          running.set(name, resolve);
          signal.addEventListener('abort', () => {
            canceled.push(name);
            running.delete(name);
            resolve();
          });
        }),
    );
  const end = async (name: string): Promise<void> => {
    running.get(name)?.();
    running.delete(name);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { slots, take, end, canceled, names: () => [...running.keys()] };
}

describe('how many runs are active at once', () => {
  test('as many as allowed, the others in order', async () => {
    const { take, end, names } = workshop({ maxQuick: 2 });
    for (const key of ['a', 'b', 'c', 'd']) take(key);
    expect(names()).toEqual(['a', 'b']);
    await end('b');
    expect(names()).toEqual(['a', 'c']);
    await end('a');
    expect(names()).toEqual(['c', 'd']);
  });

  test('runs that hang give their quick slot back, up to a limit for all', async () => {
    const { take, names } = workshop({ maxQuick: 2, maxConcurrent: 5 });
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) take(key);
    expect(names()).toHaveLength(2);
    await waitUntil('the first two are slow', 10_000, () => names().length === 4);
    await waitUntil('all places are taken', 10_000, () => names().length === 5);
    expect(names()).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('newer work of the same key cancels the older one, running or waiting', () => {
    const { take, names, canceled } = workshop({ maxQuick: 3 });
    take('a', 'a1');
    take('a', 'a2');
    expect([names(), canceled]).toEqual([['a2'], ['a1']]);
    const full = workshop({ maxQuick: 1 });
    full.take('x');
    full.take('a', 'a1');
    full.take('a', 'a2');
    expect([full.names(), full.canceled]).toEqual([['x'], []]);
  });

  test('the end of work that was replaced does not hide what replaced it', async () => {
    const { take, end, canceled } = workshop({ maxQuick: 3 });
    take('a', 'first');
    take('a', 'second');
    await end('first');
    await new Promise((resolve) => setImmediate(resolve));
    take('a', 'third');
    expect(canceled).toEqual(['first', 'second']);
  });

  test('closing cancels all work and accepts no more', () => {
    const { slots, take, names, canceled } = workshop({ maxQuick: 1 });
    take('a');
    take('b');
    slots.close();
    take('c');
    expect([names(), canceled]).toEqual([[], ['a']]);
  });
});

describe('runners together', () => {
  test('G20: a hundred targets that hang delay the other checks by seconds at most', async () => {
    const outcomes: CheckOutcome[] = [];
    const runners = createRunners({ allowExec: false, onOutcome: (outcome) => outcomes.push(outcome) });
    const silent = await listening(createServer());
    for (let i = 0; i < 100; i++)
      runners.run(order({ CheckID: `h${i}`, HTTP: `http://127.0.0.1:${silent}/`, Timeout: '60s' }));
    for (let i = 0; i < 100; i++) runners.run(order({ CheckID: `t${i}`, TCP: `127.0.0.1:${silent}` }));
    const others = () => outcomes.filter(({ check }) => check.startsWith('t'));
    await waitUntil('the others are checked', 20_000, () => others().length === 100);
    expect(others().every(({ status }) => status === 'passing')).toBe(true);
    expect(outcomes).toHaveLength(100);
    runners.close();
  });

  test('a run that was replaced has no outcome', async () => {
    const outcomes: CheckOutcome[] = [];
    const runners = createRunners({ allowExec: false, onOutcome: (outcome) => outcomes.push(outcome) });
    const silent = await listening(createServer());
    runners.run(order({ HTTP: `http://127.0.0.1:${silent}/`, Timeout: '60s' }, 1));
    runners.run(order({ TCP: `127.0.0.1:${silent}` }, 2));
    await waitUntil('the newer one is done', 10_000, () => outcomes.length > 0);
    expect(outcomes).toMatchObject([{ check: 'c', generation: 2, status: 'passing' }]);
    runners.close();
  });
});
