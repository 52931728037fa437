/** The rows of the fault matrix that are one machine's: stopped and starved processes, clocks, disks. */
import { describe, expect, test } from 'vitest';
import { disagreements } from '../../src/sim/checkers.ts';
import { strike } from '../../src/sim/faults.ts';
import { tell } from './tell.ts';

const five = 'ann bob cat dan eve';
const sixteen = Array.from({ length: 16 }, (_, i) => `n${i}`);
const TEN_YEARS = 10 * 365 * 86_400_000;
const MINUTES = 60_000;

describe('G6: a quarter of sixteen is ill, and nobody else dies of it', () => {
  const ill = sixteen.slice(0, 4);
  const others = (node: string): boolean => !ill.includes(node);

  test.each([1, 2, 3])('stopped again and again, for 0.1 to 20 s (seed %i)', (seed) => {
    const { world, pass, until, facts } = tell(sixteen.join(' '), { seed, detail: 'facts' });

    strike(world, { at: 0, span: 5 * MINUTES, kind: 'stutter', whos: ill, seed });
    pass('5m');

    expect(facts('memberDeclaredDead').filter(({ node }) => others(node))).toEqual([]);
    expect(facts('stalled').length).toBeGreaterThan(10);
    expect(until(() => disagreements(world).length === 0, '30s')).toBe(true);
  });

  test.each([
    { block: 50, duty: 0.01 },
    { block: 500, duty: 0.2 },
    { block: 2000, duty: 0.5 },
  ])('a loop that is blocked for $block ms at a time, $duty of all time', ({ block, duty }) => {
    const { world, pass, until, facts } = tell(sixteen.join(' '), { seed: block, detail: 'facts' });

    strike(world, { at: 0, span: 5 * MINUTES, kind: 'busyLoop', whos: ill, block, duty });
    pass('5m');

    expect(facts('memberDeclaredDead')).toEqual([]);
    expect(until(() => disagreements(world).length === 0, '30s')).toBe(true);
  });
});

test('G13: suspended for twelve hours, it blames nobody and is alive everywhere within 10 s', () => {
  const { world, pause, resume, pass, until, facts } = tell(five, { seed: 12, detail: 'facts' });
  pause('bob');
  pass('12h');
  const blamed = facts('memberSuspected', 'bob').length;

  resume('bob');

  expect(until(() => disagreements(world).length === 0, '10s')).toBe(true);
  expect(facts('memberSuspected', 'bob')).toHaveLength(blamed);
  expect(facts('memberDeclaredDead', 'bob')).toEqual([]);
});

describe('I16, G14: wall clocks', () => {
  /** Three minutes with a crash, a restart and new tags, and clocks that stand or jump. */
  const told = (jump: number) => {
    const { world, stop, restart, setTags, pass } = tell(five, { seed: 14, weather: { loss: 0.05 } });
    const clocks = (by: number): void => {
      for (const [i, label] of five.split(' ').entries())
        if (by !== 0) world.host(label).clock += (i - 2) * by;
    };
    clocks(jump);
    pass('1m');
    stop('bob');
    pass('20s');
    clocks(-3 * jump);
    restart('bob', { remember: true });
    setTags('cat', { role: 'x' });
    pass('1m');
    expect(disagreements(world)).toEqual([]);
    return world;
  };

  test('jumps of years while agents run change not one octet, nor when it is sent', () => {
    const calm = told(0);
    // Cat in the middle keeps its clock; bob, who is born again, must not lose his: see below.
    const { world, pass } = tell(five, { seed: 15, weather: { loss: 0.05 } });
    const { world: same, pass: passSame } = tell(five, { seed: 15, weather: { loss: 0.05 } });
    for (const label of five.split(' ')) same.at(same.now + 1000, () => (same.host(label).clock = TEN_YEARS));
    for (const label of five.split(' '))
      same.at(same.now + 9000, () => (same.host(label).clock = -TEN_YEARS));
    pass('3m');
    passSame('3m');
    expect(same.trace.hash).toBe(world.trace.hash);
    expect(calm.counts.packets).toBeGreaterThan(0);
  });

  test.each([TEN_YEARS, -TEN_YEARS])(
    'who is born again with a clock off by %i ms is alive everywhere',
    (jump) => {
      told(jump / 10);
      told(jump / 4);
    },
  );

  test('clocks that drift by 500 parts of a million, either way, are no reason to suspect anybody', () => {
    const { world, pass, facts } = tell('ann bob cat dan', {
      seed: 16,
      detail: 'facts',
      hosts: { ann: { driftPpm: 500 }, bob: { driftPpm: -500 } },
    });

    pass('30m');

    expect(facts('memberSuspected')).toEqual([]);
    expect(disagreements(world)).toEqual([]);
  });
});

describe('G15: disks', () => {
  test.each(['refuses', 'torn', 'lost'] as const)(
    'one that is %s: the agent starts with what is there, and its incarnation does not fall (I3)',
    (how) => {
      const { world, setTags, register, pass, until, view } = tell(five, { seed: 17, detail: 'facts' });
      register('bob', 'web-1');
      for (let i = 0; i < 4; i++) setTags('bob', { round: `${i}` });
      pass('5s');

      strike(world, { at: 0, span: MINUTES, kind: 'disk', who: 'bob', how, writes: 3 });
      for (let i = 4; i < 9; i++) {
        setTags('bob', { round: `${i}` });
        pass('3s');
      }
      const before = view('ann', 'bob')?.incarnation ?? 0;
      pass('50s');

      expect(world.host('bob').lives).toBe(2);
      expect(until(() => disagreements(world).length === 0, '30s')).toBe(true);
      expect(view('ann', 'bob')?.incarnation).toBeGreaterThan(before);
      expect([...world.host('bob').live.view.local.services().keys()]).toEqual(
        how === 'lost' ? [] : ['web-1'],
      );
    },
  );
});
