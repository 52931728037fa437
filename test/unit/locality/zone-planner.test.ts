/** Which zone gets which share of the traffic. */
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { NEVER } from '../../../src/base/time.ts';
import { explainZone } from '../../../src/locality/explain-zone.ts';
import { toPreferences } from '../../../src/locality/preferences.ts';
import { type LocatedInstance, type ZonePlan, ZonePlanner } from '../../../src/locality/zone-planner.ts';

const HOLD = 30_000;
const MINUTE = 60_000;

/** `a: [usable, registered, round trip]`. */
type Zones = Readonly<Record<string, readonly [number, number, number?]>>;

const located = (zones: Zones): LocatedInstance[] =>
  Object.entries(zones).flatMap(([zone, [usable, registered, rtt]]) =>
    Array.from({ length: registered }, (_, i) => ({ zone, rtt: rtt ?? null, usable: i < usable })),
  );

class Reader {
  now = 0;
  readonly planner: ZonePlanner;

  constructor(spill = 0.5) {
    this.planner = new ZonePlanner(spill, HOLD);
  }

  see(zones: Zones, own = 'a'): ZonePlan {
    return this.planner.update(located(zones), own, this.now);
  }

  /** The shares in percent. */
  shares(zones: Zones, own = 'a'): Record<string, number> {
    return Object.fromEntries(
      this.see(zones, own).zones.map(({ zone, share }) => [zone, Math.round(share * 100)]),
    );
  }
}

describe('a zone', () => {
  test('keeps all of its traffic while half of its usual instances are usable', () => {
    const reader = new Reader();
    expect(reader.shares({ a: [4, 4, 0], b: [4, 4, 1] })).toEqual({ a: 100, b: 0 });
    expect(reader.shares({ a: [2, 4, 0], b: [4, 4, 1] })).toEqual({ a: 100, b: 0 });
    expect(reader.shares({ a: [1, 4, 0], b: [4, 4, 1] })).toEqual({ a: 50, b: 50 });
    expect(reader.shares({ a: [0, 4, 0], b: [4, 4, 1] })).toEqual({ a: 0, b: 100 });
  });

  test('is measured by its usual number, also when instances are gone without a trace', () => {
    const reader = new Reader();
    reader.see({ a: [4, 4, 0], b: [4, 4, 1] });
    expect(reader.shares({ a: [1, 1, 0], b: [4, 4, 1] })).toEqual({ a: 50, b: 50 });
    expect(reader.shares({ b: [4, 4, 1] })).toEqual({ a: 0, b: 100 });
  });

  test('has a new usual number after ten minutes', () => {
    const reader = new Reader();
    reader.see({ a: [4, 4, 0], b: [4, 4, 1] });
    reader.see({ a: [1, 1, 0], b: [4, 4, 1] });
    reader.now = 10 * MINUTE;
    reader.see({ a: [1, 1, 0], b: [4, 4, 1] });
    expect(reader.planner.deadline).toBe(10 * MINUTE + HOLD);
    reader.now += HOLD;
    expect(reader.shares({ a: [1, 1, 0], b: [4, 4, 1] })).toEqual({ a: 100, b: 0 });
    expect(reader.planner.deadline).toBe(NEVER);
  });

  test('is forgotten ten minutes after its last instance', () => {
    const reader = new Reader();
    reader.see({ a: [1, 1, 0], b: [1, 1, 1] });
    reader.see({ b: [1, 1, 1] });
    reader.now = 10 * MINUTE;
    expect(reader.see({ b: [1, 1, 1] }).zones.map(({ zone }) => zone)).toEqual(['b']);
  });

  test('loses traffic at once, and gets it back when its instances have stayed', () => {
    const reader = new Reader();
    const [well, ill]: Zones[] = [
      { a: [4, 4, 0], b: [4, 4, 1] },
      { a: [1, 4, 0], b: [4, 4, 1] },
    ];
    reader.see(well as Zones);
    for (let i = 0; i < 20; i++) {
      expect(reader.shares(ill as Zones)).toEqual({ a: 50, b: 50 });
      reader.now += 20_000;
      expect(reader.shares(well as Zones)).toEqual({ a: 50, b: 50 });
      reader.now += 20_000;
    }
    reader.see(well as Zones);
    expect(reader.planner.deadline).toBe(reader.now - 20_000 + HOLD);
    reader.now = reader.planner.deadline;
    expect(reader.shares(well as Zones)).toEqual({ a: 100, b: 0 });
  });

  test('that is not back for long still comes before one that has no capacity left', () => {
    const reader = new Reader();
    reader.see({ a: [3, 3, 0], b: [3, 3, 1] });
    reader.see({ a: [0, 3, 0], b: [3, 3, 1] });
    expect(reader.shares({ a: [3, 3, 0], b: [3, 3, 1] })).toEqual({ a: 0, b: 100 });
    expect(reader.shares({ a: [3, 3, 0], b: [0, 3, 1] })).toEqual({ a: 100, b: 0 });
    expect(reader.shares({ a: [3, 3, 0], b: [1, 3, 1] })).toEqual({ a: 100, b: 0 }); // b is no longer held above a
  });

  test('that a reader sees for the first time counts at once', () => {
    expect(new Reader().shares({ a: [1, 4, 0], b: [4, 4, 1] })).toEqual({ a: 50, b: 50 });
    const reader = new Reader();
    for (const n of [1, 2, 3, 4])
      expect(reader.shares({ a: [n, n, 0], b: [9, 9, 1] })).toEqual({ a: 100, b: 0 });
  });

  test('spills the share of each missing instance with 1, and none before the last with 0', () => {
    expect(new Reader(1).shares({ a: [3, 4, 0], b: [4, 4, 1] })).toEqual({ a: 75, b: 25 });
    expect(new Reader(0).shares({ a: [1, 4, 0], b: [4, 4, 1] })).toEqual({ a: 100, b: 0 });
    expect(new Reader(0).shares({ a: [0, 4, 0], b: [4, 4, 1] })).toEqual({ a: 0, b: 100 });
  });
});

describe('the other zones', () => {
  test('are used nearest first, each as far as it has the capacity', () => {
    const far: Zones = { a: [1, 4, 0], b: [4, 4, 20], c: [1, 8, 10] };
    expect(new Reader().shares(far)).toEqual({ a: 50, c: 25, b: 25 });
    expect(new Reader().see(far).zones.map(({ zone }) => zone)).toEqual(['a', 'c', 'b']);
  });

  test('share what is beyond the capacity of all', () => {
    expect(new Reader().shares({ a: [1, 8, 0], b: [1, 8, 1] })).toEqual({ a: 50, b: 50 });
  });

  test('of unknown distance are the last, and all alike', () => {
    const plan = new Reader().see({ d: [1, 1], c: [3, 3], b: [1, 1, 90] }, 'a');
    expect(plan.zones.map(({ zone, priority }) => [zone, priority])).toEqual([
      ['b', 1],
      ['c', 2],
      ['d', 2],
    ]);
    expect(new Reader().shares({ d: [1, 1], c: [3, 3] })).toEqual({ c: 75, d: 25 });
  });

  test('keep their order while distances differ by a little', () => {
    const reader = new Reader();
    const order = (b: number, c: number): string =>
      reader
        .see({ a: [1, 1, 0], b: [1, 1, b], c: [1, 1, c] })
        .zones.map(({ zone }) => zone)
        .join('');
    expect(order(10, 11)).toBe('abc');
    expect(order(11.5, 10)).toBe('abc');
    expect(order(30, 10)).toBe('acb');
  });

  test('have the priorities of SRV: 1 for all that get traffic, then one for each that is spare', () => {
    const priorities = (zones: Zones): unknown =>
      new Reader().see(zones).zones.map(({ zone, priority }) => `${zone}${priority}`);
    expect(priorities({ a: [3, 3, 0], b: [3, 3, 1], c: [3, 3, 2] })).toEqual(['a1', 'b2', 'c3']);
    expect(priorities({ a: [1, 3, 0], b: [3, 3, 1], c: [3, 3, 2] })).toEqual(['a1', 'b1', 'c2']);
    expect(priorities({ a: [0, 3, 0], b: [3, 3, 1], c: [3, 3, 2] })).toEqual(['a2', 'b1', 'c2']);
  });
});

test('the plan is the same object until it is another plan', () => {
  const reader = new Reader();
  const plan = reader.see({ a: [3, 3, 0], b: [3, 3, 1] });
  reader.now = 5000;
  expect(reader.see({ a: [3, 3, 0.1], b: [3, 3, 1.1] })).toBe(plan);
  expect(reader.see({ a: [2, 3, 0], b: [3, 3, 1] })).not.toBe(plan);
});

describe('the clause of why', () => {
  const explain = (zones: Zones, zone: string, reader = new Reader()): string | undefined =>
    explainZone(reader.see(zones), zone, reader.now);

  test('tells what is spare, and why', () => {
    const zones: Zones = { a: [3, 3, 0], b: [2, 2, 1] };
    expect(explain(zones, 'b')).toBe('zone b is spare: zone a has 3 of 3');
    expect(explain(zones, 'a')).toBeUndefined();
    expect(explain({ a: [3, 3, 0], '': [2, 2, 1] }, '')).toBe(
      'the part without a zone is spare: zone a has 3 of 3',
    );
  });

  test('tells what has spilled', () => {
    const zones: Zones = { a: [1, 4, 0], b: [2, 2, 1] };
    expect(explain(zones, 'a')).toBe(
      'zone a gets 50 % of the traffic from here: zone a has 1 of 4, zone b has 2 of 2',
    );
    expect(explain({ a: [0, 4, 0], b: [2, 2, 1] }, 'b')).toBe(
      'zone b gets all traffic from here: zone a has 0 of 4',
    );
  });

  test('tells when traffic returns', () => {
    const reader = new Reader();
    reader.see({ a: [0, 3, 0], b: [2, 2, 1] });
    reader.now = 1000;
    reader.see({ a: [3, 3, 0], b: [2, 2, 1] });
    reader.now = 11_000;
    expect(explain({ a: [3, 3, 0], b: [2, 2, 1] }, 'a', reader)).toBe(
      'zone a is spare: zone b has 2 of 2; more goes to zone a if that is still so in 20 s',
    );
  });
});

const counts = fc.tuple(fc.nat(6), fc.nat(6)).map(([usable, more]) => [usable, usable + more] as const);
const histories = fc.array(
  fc.record({
    wait: fc.integer({ min: 0, max: 20 * MINUTE }),
    a: counts,
    b: counts,
    c: counts,
    rtt: fc.nat(3),
  }),
  { minLength: 1, maxLength: 20 },
);

property.prop([histories, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean()])(
  'whatever happened, all traffic goes to usable instances, and none is lost',
  (history, spill, knowsDistances) => {
    const reader = new Reader(spill);
    for (const { wait, a, b, c, rtt } of history) {
      reader.now += wait;
      const far = knowsDistances ? rtt : undefined;
      const zones: Zones = { a: [...a, 0], b: far === undefined ? b : [...b, far], c: [...c, 2] };
      const plan = reader.see(zones);
      const sum = plan.zones.reduce((all, { share }) => all + share, 0);
      const isUsable = a[0] + b[0] + c[0] > 0;
      expect(sum).toBeCloseTo(isUsable ? 1 : 0, 9);
      for (const { share, usable, priority, usual } of plan.zones) {
        expect(share > 0 && usable === 0).toBe(false);
        expect(share > 0).toBe(priority === 1 && isUsable);
        expect(usual).toBeGreaterThanOrEqual(usable);
      }
      const instances = located(zones).map((one) => ({ ...one, weight: one.usable ? 3 : 0 }));
      const preferences = toPreferences(plan, instances);
      const first = preferences.filter(({ priority, weight }) => priority === 1 && weight > 0);
      expect(first.length > 0).toBe(isUsable);
      expect(reader.planner.deadline).toBeGreaterThan(reader.now);
    }
  },
);

property.prop([counts, counts, fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 12, maxLength: 12 })])(
  'weights move the traffic in proportion to the shares',
  (a, b, weights) => {
    const zones: Zones = { a: [...a, 0], b: [...b, 1] };
    const plan = new Reader().see(zones);
    const instances = located(zones).map((one, i) => ({
      ...one,
      weight: one.usable ? (weights[i % 12] as number) : 0,
    }));
    const preferences = toPreferences(plan, instances);
    const gets = (zone: string): number =>
      preferences.reduce(
        (sum, { priority, weight }, i) =>
          priority === 1 && instances[i]?.zone === zone ? sum + weight : sum,
        0,
      );
    const all = gets('a') + gets('b');
    for (const { zone, share } of plan.zones) if (all > 0) expect(gets(zone) / all).toBeCloseTo(share, 1);
  },
);

describe('preferences', () => {
  const weights = (plan: ZonePlan | undefined, ...rows: readonly [string | null, number][]): unknown =>
    toPreferences(
      plan,
      rows.map(([zone, weight]) => ({ zone, weight })),
    ).map(({ priority, weight }) => `${priority}:${weight}`);

  test('are the registered weights where one zone has all', () => {
    const plan = new Reader().see({ a: [2, 2, 0], b: [1, 1, 1] });
    expect(weights(plan, ['a', 5], ['a', 0], ['b', 7])).toEqual(['1:5', '1:0', '2:7']);
    expect(weights(undefined, ['a', 5], ['b', 7])).toEqual(['1:5', '1:7']);
  });

  test('are written anew where zones share, and stay above 0', () => {
    const plan = new Reader().see({ a: [1, 4, 0], b: [2, 2, 1] });
    expect(weights(plan, ['a', 9], ['b', 1], ['b', 1])).toEqual(['1:1000', '1:500', '1:500']);
    expect(weights(plan, ['a', 9], ['b', 1], ['b', 60_000])).toEqual(['1:1000', '1:1', '1:1000']);
  });

  test('of a part of the instances begin with a later priority if the first has none', () => {
    const plan = new Reader().see({ a: [2, 2, 0], b: [1, 1, 1], c: [1, 1, 2] });
    expect(weights(plan, ['b', 5], ['c', 7], ['d', 1])).toEqual(['2:5', '3:7', '4:1']);
  });
});
