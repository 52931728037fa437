import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../src/base/rng.ts';
import {
  type Coordinate,
  Coordinates,
  decodeCoordinate,
  distance,
  encodeCoordinate,
} from '../../../src/serf/coordinates.ts';

interface GoCoordinate {
  readonly Vec: readonly number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}
interface Step {
  readonly Node: string;
  readonly RttNs: number;
  readonly Other: GoCoordinate;
  readonly After: GoCoordinate | null; // null: refused
  readonly DistAfterNs: number;
}
const { vivaldi } = JSON.parse(
  readFileSync(new URL('../../golden/algorithms.json', import.meta.url), 'utf8'),
) as { readonly vivaldi: { readonly start: GoCoordinate; readonly steps: readonly Step[] } };

const ours = (go: GoCoordinate): Coordinate => ({
  vec: go.Vec,
  error: go.Error,
  adjustment: go.Adjustment,
  height: go.Height,
});
const at = (...vec: number[]): Coordinate => ({
  vec: [...vec, ...Array.from({ length: 8 - vec.length }, () => 0)],
  error: 1.5,
  adjustment: 0,
  height: 1e-5,
});
const fresh = (start?: Coordinate): Coordinates => new Coordinates(createRng(1), start);

/** Equal to 1e-12 in every number. */
function expectSame(a: Coordinate, b: Coordinate): void {
  const numbers = (one: Coordinate): number[] => [...one.vec, one.error, one.adjustment, one.height];
  numbers(a).forEach((number, i) => {
    expect(Math.abs(number - (numbers(b)[i] as number))).toBeLessThan(1e-12);
  });
}

describe('P63 Vivaldi', () => {
  test('P63 each step gives the coordinate recorded from Go', () => {
    const coordinates = fresh(ours(vivaldi.start));
    const refused: number[] = [];

    for (const step of vivaldi.steps) {
      const before = coordinates.own;
      const moved = coordinates.update(step.Node, step.RttNs / 1e6, ours(step.Other));
      if (!moved) refused.push(step.RttNs);
      if (step.After === null) expect(coordinates.own).toBe(before);
      else {
        expectSame(coordinates.own, ours(step.After));
        expect(Math.round(distance(coordinates.own, ours(step.Other)) * 1e6)).toBe(step.DistAfterNs);
      }
    }

    expect(vivaldi.steps).toHaveLength(12);
    expect(refused).toEqual(vivaldi.steps.filter((step) => step.After === null).map((step) => step.RttNs));
  });

  test('P63 a new node is at the origin with the largest error', () => {
    expect(fresh().own).toEqual({ vec: [0, 0, 0, 0, 0, 0, 0, 0], error: 1.5, adjustment: 0, height: 1e-5 });
  });

  test('P63 two nodes at one place are separated by the force', () => {
    const coordinates = fresh();

    coordinates.update('bob', 100, at());

    const length = Math.sqrt(coordinates.own.vec.reduce((sum, one) => sum + one * one, 0));
    expect(length).toBeGreaterThan(0.01);
    expect(length).toBeLessThan(0.0126); // 0.25 * 0.5 * 100 ms, less a little gravity
    expect(coordinates.own.height).toBe(1e-5);
  });

  test('P63 one slow packet of three has little effect: the median of a peer counts', () => {
    const slow = fresh(at(0.01));
    const even = fresh(at(0.01));
    const peer = at(-0.01);

    for (const roundTrip of [20, 20, 9000]) slow.update('bob', roundTrip, peer);
    for (const roundTrip of [20, 20, 20]) even.update('bob', roundTrip, peer);

    expect(slow.own).toEqual(even.own);
  });

  test('P63 a round trip of 0 counts as a microsecond, and does not raise the error to its maximum', () => {
    const coordinates = fresh({ ...at(), error: 0.1 });

    expect(coordinates.update('bob', 0, at())).toBe(true);

    // w = 0.1 / 1.6; wrongness = (20 - 1) / 1
    expect(coordinates.own.error).toBeCloseTo(0.25 * 0.0625 * 19 + 0.1 * (1 - 0.25 * 0.0625), 10);
  });

  test('P63 the samples of an erased peer are forgotten', () => {
    const kept = fresh(at(0.01));
    const erased = fresh(at(0.01));
    for (const coordinates of [kept, erased])
      for (const roundTrip of [20, 20]) coordinates.update('bob', roundTrip, at(-0.01));

    erased.delete('bob');
    kept.update('bob', 200, at(-0.01));
    erased.update('bob', 200, at(-0.01));

    expect(erased.own.vec[0]).toBeGreaterThan(kept.own.vec[0] as number);
  });

  test.each([-1, 10_001, Number.NaN, Number.POSITIVE_INFINITY])(
    'P63 a round trip of %d ms teaches nothing',
    (roundTrip) => {
      const coordinates = fresh();

      expect(coordinates.update('bob', roundTrip, at(0.1))).toBe(false);
      expect(coordinates.own).toEqual(fresh().own);
    },
  );

  test('P63 a coordinate that has become implausible begins anew, and that is counted', () => {
    const coordinates = fresh(at(1e200));
    coordinates.update('bob', 100, at(-1e200)); // their distance is no number
    expect(coordinates.resets).toBe(1);
    expect(coordinates.own.vec[0]).toBeLessThan(1);
  });

  test('P63 the estimates of many members come near the true round trips', () => {
    const rng = createRng(5);
    const truth = Array.from({ length: 12 }, () => [rng.next() * 80, rng.next() * 80] as const);
    const roundTrip = (a: number, b: number): number => {
      const [from, to] = [truth[a], truth[b]] as [readonly [number, number], readonly [number, number]];
      return Math.hypot(from[0] - to[0], from[1] - to[1]) + 1;
    };
    const all = truth.map((_, i) => new Coordinates(createRng(i)));

    for (let round = 0; round < 300; round++)
      for (const [i, one] of all.entries()) {
        const peer = (i + 1 + rng.int(all.length - 1)) % all.length;
        const payload = (all[peer] as Coordinates).payloadFor(one.heldHash(`n${peer}`));
        one.updateFromAck(`n${peer}`, roundTrip(i, peer), payload);
      }

    const errors: number[] = [];
    for (const [i, a] of all.entries())
      for (const [j, b] of all.entries())
        if (i < j) errors.push(Math.abs(distance(a.own, b.own) - roundTrip(i, j)) / roundTrip(i, j));
    errors.sort((x, y) => x - y);
    expect(errors[Math.floor(errors.length / 2)]).toBeLessThan(0.1);
  });
});

describe('P63 the payload of an ack', () => {
  test('P63 is a version octet and a map, and decodes to the same coordinate', () => {
    const coordinates = fresh(ours(vivaldi.start));

    expect(coordinates.payloadFor(0)[0]).toBe(1);
    expect(decodeCoordinate(coordinates.payloadFor(0))).toEqual(ours(vivaldi.start));
  });

  test('P63 follows our coordinate', () => {
    const coordinates = fresh();
    const before = coordinates.payloadFor(0);
    expect(coordinates.payloadFor(0)).toBe(before);

    coordinates.update('bob', 20, at(0.1));

    expect(decodeCoordinate(coordinates.payloadFor(0))).toEqual(coordinates.own);
  });

  test('P88 a peer that has it is not told again until it has moved', () => {
    const start = { ...at(0.02), error: 0.1 };
    const ann = fresh(start);
    const bob = fresh();
    bob.updateFromAck('ann', 20, ann.payloadFor(bob.heldHash('ann')));
    expect(bob.heldHash('ann')).toBeGreaterThan(0);
    expect(ann.payloadFor(bob.heldHash('ann'))).toHaveLength(0);

    ann.update('cat', 20, at(-0.0003)); // a little
    expect(ann.own).not.toEqual(start);
    expect(ann.payloadFor(bob.heldHash('ann'))).toHaveLength(0);
    expect(ann.payloadFor(0)).not.toHaveLength(0);

    ann.update('cat', 60, { ...at(-0.1), error: 0.1 });
    const told = ann.payloadFor(bob.heldHash('ann'));
    expect(decodeCoordinate(told)).toEqual(ann.own);
    bob.updateFromAck('ann', 20, told);
    expect(bob.get('ann')).toEqual(ann.own);
  });

  test('P88 a round trip to a peer that has not moved teaches as much as if it had told all again', () => {
    const peer = encodeCoordinate(at(0.1));
    const [told, untold] = [fresh(), fresh()];
    for (const one of [told, untold]) one.updateFromAck('bob', 20, peer);

    told.updateFromAck('bob', 20, peer);
    expect(untold.updateFromAck('bob', 20, new Uint8Array())).toBe(true);

    expect(untold.own).toEqual(told.own);
    expect(untold.heldHash('bob')).toBe(told.heldHash('bob'));
  });

  test('P63 an empty payload changes nothing', () => {
    const coordinates = fresh();

    expect(coordinates.updateFromAck('bob', 20, new Uint8Array())).toBe(false);
    expect(coordinates.own).toEqual(fresh().own);
    expect(coordinates.updateFromAck('bob', 20, encodeCoordinate(at(0.1)))).toBe(true);
    expect(coordinates.own).not.toEqual(fresh().own);
  });

  const ok = at(0.1);
  test.each<[string, Coordinate]>([
    ['NaN', at(Number.NaN)],
    ['infinity', at(Number.POSITIVE_INFINITY)],
    ['more than 10 s away', at(0, -10.1)],
    ['NaN as adjustment', { ...ok, adjustment: Number.NaN }],
    ['an adjustment above 10 s', { ...ok, adjustment: -11 }],
    ['a height below the minimum', { ...ok, height: 9e-6 }],
    ['a height above 10 s', { ...ok, height: 11 }],
    ['an error above the maximum', { ...ok, error: 1.51 }],
    ['a negative error', { ...ok, error: -0.1 }],
    ['NaN as error', { ...ok, error: Number.NaN }],
    ['seven dimensions', { ...ok, vec: [0, 0, 0, 0, 0, 0, 0] }],
    ['nine dimensions', { ...ok, vec: [0, 0, 0, 0, 0, 0, 0, 0, 0] }],
  ])('S28 a coordinate with %s is refused, and we stay', (_, coordinate) => {
    const coordinates = fresh();

    expect(() => coordinates.updateFromAck('eve', 20, encodeCoordinate(coordinate))).toThrowError(
      expect.objectContaining({ name: 'WireError', code: 'badValue' }),
    );
    expect(coordinates.own).toEqual(fresh().own);
  });

  test('P63 another version is refused', () => {
    const payload = encodeCoordinate(ok);
    payload[0] = 2;

    expect(() => decodeCoordinate(payload)).toThrowError(expect.objectContaining({ code: 'unknownType' }));
  });
});
