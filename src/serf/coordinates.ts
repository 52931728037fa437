/**
 * Vivaldi network coordinates: where we are, in round-trip time from others, learned from direct probe acks.
 * Seconds inside and on the wire; milliseconds to callers.
 *
 * Source: serf coordinate package; P63 (docs/protocol.md); Dabek et al., Vivaldi; Lee et al., network
 * coordinates in the wild (adjustment); Ledlie et al. (latency filter, gravity).
 */
import { WireError } from '../base/errors.ts';
import type { Rng } from '../base/rng.ts';
import type { Millis } from '../base/time.ts';
import { CoordinateBody } from '../wire/serf.ts';
import { decodeStruct } from '../wire/struct.ts';

export interface Coordinate {
  readonly vec: readonly number[];
  readonly error: number;
  readonly adjustment: number;
  readonly height: number;
}

const DIMENSIONS = 8;
const MAX_ERROR = 1.5;
const ERROR_GAIN = 0.25;
const FORCE_GAIN = 0.25;
const ADJUSTMENT_WINDOW = 20;
const MIN_HEIGHT = 10e-6;
const FILTER_SIZE = 3;
const GRAVITY_RHO = 150;
const ZERO = 1e-6;
const MAX_SECONDS = 10;

const ORIGIN: Coordinate = {
  vec: Array.from({ length: DIMENSIONS }, () => 0),
  error: MAX_ERROR,
  adjustment: 0,
  height: MIN_HEIGHT,
};

/** Our own coordinate, and the samples behind it. */
export class Coordinates {
  readonly #rng: Rng;
  readonly #latencyFilters = new Map<string, number[]>();
  readonly #others = new Map<string, Coordinate>();
  #samples = freshSamples();
  #sampleAt = 0;
  #own: Coordinate;
  #payload: Uint8Array | undefined;

  constructor(rng: Rng, start: Coordinate = ORIGIN) {
    this.#rng = rng;
    this.#own = start;
  }

  get own(): Coordinate {
    return this.#own;
  }

  /** Ours as the payload of an ack. Do not change it. */
  get payload(): Uint8Array {
    this.#payload ??= encodeCoordinate(this.#own);
    return this.#payload;
  }

  /** Where `peer` last said it was; `undefined` if it never did. */
  get(peer: string): Coordinate | undefined {
    return this.#others.get(peer);
  }

  /**
   * A direct ack of `peer` came after `roundTrip` with this payload; an empty one says nothing. Throws `WireError`
   * if it is no coordinate one can believe. False: nothing was learned, nothing changed.
   */
  updateFromAck(peer: string, roundTrip: Millis, payload: Uint8Array): boolean {
    return payload.length === 0 ? false : this.update(peer, roundTrip, decodeCoordinate(payload));
  }

  /** Moves us by one round trip to `peer`, which is at `other`. False, and no change, unless it is 0 to 10 s. */
  update(peer: string, roundTrip: Millis, other: Coordinate): boolean {
    const seconds = roundTrip / 1000;
    if (!(seconds >= 0 && seconds <= MAX_SECONDS)) return false;
    const usual = this.#latencyFilter(peer, seconds);
    this.#others.set(peer, other);
    const moved = this.#updateAdjustment(this.#updateVivaldi(other, usual), other, usual);
    const gravity = -((secondsBetween(ORIGIN, moved) / GRAVITY_RHO) ** 2);
    const settled = this.#applyForce(moved, gravity, ORIGIN);
    if (isValid(settled)) this.#own = settled;
    else this.#reset();
    this.#payload = undefined;
    return true;
  }

  /** The member was erased: its samples and its place go. */
  delete(peer: string): void {
    this.#others.delete(peer);
    this.#latencyFilters.delete(peer);
  }

  #reset(): void {
    this.#own = ORIGIN;
    this.#samples = freshSamples();
    this.#sampleAt = 0;
  }

  /** Of the last three round trips to this peer: one slow packet moves nobody. */
  #latencyFilter(peer: string, seconds: number): number {
    const recent = this.#latencyFilters.get(peer);
    if (recent === undefined) {
      this.#latencyFilters.set(peer, [seconds]);
      return seconds;
    }
    recent.push(seconds);
    if (recent.length > FILTER_SIZE) recent.shift();
    const [a = 0, b = 0, c] = recent;
    return c === undefined ? Math.max(a, b) : Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
  }

  /** The spring between us and the peer: who is less sure moves more. */
  #updateVivaldi(other: Coordinate, seconds: number): Coordinate {
    const own = this.#own;
    const distance = secondsBetween(own, other);
    const measured = Math.max(seconds, ZERO);
    const wrongness = Math.abs(distance - measured) / measured;
    const weight = own.error / Math.max(own.error + other.error, ZERO);
    const gain = ERROR_GAIN * weight;
    const error = Math.min(MAX_ERROR, gain * wrongness + own.error * (1 - gain));
    const { vec, adjustment, height } = own;
    return this.#applyForce(
      { vec, error, adjustment, height },
      FORCE_GAIN * weight * (measured - distance),
      other,
    );
  }

  /** What the geometry keeps getting wrong, averaged, becomes part of our distance to everybody. */
  #updateAdjustment(coordinate: Coordinate, other: Coordinate, seconds: number): Coordinate {
    this.#samples[this.#sampleAt] = seconds - rawSeconds(coordinate, other);
    this.#sampleAt = (this.#sampleAt + 1) % ADJUSTMENT_WINDOW;
    let sum = 0;
    for (const sample of this.#samples) sum += sample;
    const { vec, error, height } = coordinate;
    return { vec, error, adjustment: sum / (2 * ADJUSTMENT_WINDOW), height };
  }

  /** `coordinate` after a force away from `other`; a negative one draws it near. */
  #applyForce(coordinate: Coordinate, force: number, other: Coordinate): Coordinate {
    const { vec, error, adjustment, height } = coordinate;
    const distance = lengthBetween(vec, other.vec);
    if (distance <= ZERO)
      return { vec: translate(vec, this.#anyDirection(), force), error, adjustment, height };
    const away = vec.map((own, i) => (own - (other.vec[i] as number)) / distance);
    const raised = ((height + other.height) * force) / distance + height;
    return { vec: translate(vec, away, force), error, adjustment, height: Math.max(MIN_HEIGHT, raised) };
  }

  /** Two in one place must part, and neither knows where to. */
  #anyDirection(): number[] {
    for (;;) {
      const vec = ORIGIN.vec.map(() => this.#rng.next() - 0.5);
      const length = lengthBetween(vec, ORIGIN.vec);
      if (length > ZERO) return vec.map((one) => one / length);
    }
  }
}

/** Estimated round trip between two members. */
export const distance = (a: Coordinate, b: Coordinate): Millis => secondsBetween(a, b) * 1000;

/** Payload of an ack: version octet, body. */
export const encodeCoordinate = (coordinate: Coordinate): Uint8Array => CoordinateBody.encode(coordinate);

/**
 * Reads the payload of an ack. Throws `WireError`, also for what no honest agent says: another number of
 * dimensions, NaN, more than 10 s, no height, an error above the maximum.
 */
export function decodeCoordinate(payload: Uint8Array): Coordinate {
  const { vec, error, adjustment, height } = decodeStruct(CoordinateBody, payload);
  const believable =
    vec.length === DIMENSIONS &&
    vec.every((one) => Math.abs(one) <= MAX_SECONDS) &&
    Math.abs(adjustment) <= MAX_SECONDS &&
    Math.abs(height) <= MAX_SECONDS &&
    height >= MIN_HEIGHT &&
    error >= 0 &&
    error <= MAX_ERROR;
  if (!believable) throw new WireError('badValue', 'a coordinate nobody can be at');
  return { vec, error, adjustment, height };
}

const freshSamples = (): number[] => Array.from({ length: ADJUSTMENT_WINDOW }, () => 0);

/** Estimated distance, cut to nanoseconds. */
function secondsBetween(a: Coordinate, b: Coordinate): number {
  const raw = rawSeconds(a, b);
  const adjusted = raw + a.adjustment + b.adjustment;
  return Math.trunc((adjusted > 0 ? adjusted : raw) * 1e9) / 1e9;
}

const rawSeconds = (a: Coordinate, b: Coordinate): number =>
  lengthBetween(a.vec, b.vec) + a.height + b.height;

const translate = (vec: readonly number[], way: readonly number[], force: number): number[] =>
  vec.map((own, i) => own + (way[i] as number) * force);

// A loop: it runs several times for each ack, and acks are half of what an idle agent hears.
function lengthBetween(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return Math.sqrt(sum);
}

const isValid = ({ vec, error, adjustment, height }: Coordinate): boolean =>
  vec.every(Number.isFinite) && [error, adjustment, height].every(Number.isFinite);
