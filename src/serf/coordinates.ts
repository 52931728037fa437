/**
 * Vivaldi network coordinates: they estimate round-trip times between members, and are learned from direct probe acks.
 * In seconds here and on the wire, in milliseconds for callers. A coordinate is told again when it has moved (P88).
 *
 * Source: serf coordinate package; P63 (docs/protocol.md); Dabek et al., Vivaldi; Lee et al., network
 * coordinates in the wild (adjustment); Ledlie et al. (latency filter, gravity).
 */
import { NO_BYTES } from '../base/bytes.ts';
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
/** A coordinate is told again when it has moved by more than the larger of these, in seconds and as a share of round trips. */
const TOLD_SECONDS = 0.5e-3;
const TOLD_SHARE = 0.05;
/** Or when its error, a weight that has no unit, has changed by this. */
const TOLD_ERROR = 0.2;
/** Weight of one round trip in their average. */
const AVERAGE_GAIN = 0.1;

const ORIGIN: Coordinate = {
  vec: Array.from({ length: DIMENSIONS }, () => 0),
  error: MAX_ERROR,
  adjustment: 0,
  height: MIN_HEIGHT,
};

/** Our own coordinate with its samples, and the last coordinates of peers. */
export class Coordinates {
  readonly #rng: Rng;
  readonly #latencyFilters = new Map<string, number[]>();
  readonly #others = new Map<string, { readonly coordinate: Coordinate; readonly hash: number }>();
  #samples = freshSamples();
  #sampleAt = 0;
  #resets = 0;
  #own: Coordinate;
  /** The coordinate that acks carry, which follows our own in steps. */
  #told: { readonly coordinate: Coordinate; readonly payload: Uint8Array; readonly hash: number };
  /** Seconds. */
  #averageRoundTrip = 0;

  constructor(rng: Rng, start: Coordinate = ORIGIN) {
    this.#rng = rng;
    this.#own = start;
    this.#told = toTold(start);
  }

  get own(): Coordinate {
    return this.#own;
  }

  /**
   * Our coordinate as the payload of an ack to a peer that has the payload of this hash; 0 if it has none. Empty if it has the
   * latest. Must not be changed.
   */
  payloadFor(held: number): Uint8Array {
    if (this.#hasMoved()) this.#told = toTold(this.#own);
    return held === this.#told.hash ? NO_BYTES : this.#told.payload;
  }

  /** The hash of the payload in the last ack of `peer` that had one; 0 if there was none. */
  heldHash(peer: string): number {
    return this.#others.get(peer)?.hash ?? 0;
  }

  /** The coordinate that `peer` has told last. */
  get(peer: string): Coordinate | undefined {
    return this.#others.get(peer)?.coordinate;
  }

  /**
   * Updates our coordinate from a direct ack of `peer`. If the payload is empty the peer is where it was. False, and no change, if
   * it never said where. Throws `WireError` if the payload is not a plausible coordinate.
   */
  updateFromAck(peer: string, roundTrip: Millis, payload: Uint8Array): boolean {
    if (payload.length > 0)
      return this.update(peer, roundTrip, decodeCoordinate(payload), hashPayload(payload));
    const held = this.#others.get(peer);
    return held !== undefined && this.update(peer, roundTrip, held.coordinate, held.hash);
  }

  /** Updates our coordinate by one round trip to `peer`, which is at `other`. False, and no change, unless it is 0 to 10 s. */
  update(peer: string, roundTrip: Millis, other: Coordinate, hash = 0): boolean {
    const seconds = roundTrip / 1000;
    if (!(seconds >= 0 && seconds <= MAX_SECONDS)) return false;
    const filtered = this.#latencyFilter(peer, seconds);
    this.#averageRoundTrip += AVERAGE_GAIN * (filtered - this.#averageRoundTrip);
    const held = this.#others.get(peer);
    if (held?.coordinate !== other) this.#others.set(peer, { coordinate: other, hash });
    const moved = this.#updateAdjustment(this.#updateVivaldi(other, filtered), other, filtered);
    const gravity = -((secondsBetween(ORIGIN, moved) / GRAVITY_RHO) ** 2);
    const settled = this.#applyForce(moved, gravity, ORIGIN);
    if (isValid(settled)) this.#own = settled;
    else this.#reset();
    return true;
  }

  #hasMoved(): boolean {
    const [{ coordinate: told }, own] = [this.#told, this.#own];
    const seconds =
      lengthBetween(own.vec, told.vec) +
      Math.abs(own.height - told.height) +
      Math.abs(own.adjustment - told.adjustment);
    return (
      seconds > Math.max(TOLD_SECONDS, TOLD_SHARE * this.#averageRoundTrip) ||
      Math.abs(own.error - told.error) > TOLD_ERROR
    );
  }

  /** The member was erased. */
  delete(peer: string): void {
    this.#others.delete(peer);
    this.#latencyFilters.delete(peer);
  }

  /** How often our coordinate began anew, since it had become implausible. */
  get resets(): number {
    return this.#resets;
  }

  #reset(): void {
    this.#resets += 1;
    this.#own = ORIGIN;
    this.#samples = freshSamples();
    this.#sampleAt = 0;
  }

  /** The median of the last three round trips to this peer, so that one slow packet has no effect. */
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

  /** The spring force between us and the peer: the coordinate with the larger error moves more. */
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

  /** The average error of recent estimates is added to our distance to every member. */
  #updateAdjustment(coordinate: Coordinate, other: Coordinate, seconds: number): Coordinate {
    this.#samples[this.#sampleAt] = seconds - rawSeconds(coordinate, other);
    this.#sampleAt = (this.#sampleAt + 1) % ADJUSTMENT_WINDOW;
    let sum = 0;
    for (const sample of this.#samples) sum += sample;
    const { vec, error, height } = coordinate;
    return { vec, error, adjustment: sum / (2 * ADJUSTMENT_WINDOW), height };
  }

  /** `coordinate` after a force away from `other`; a negative force attracts. */
  #applyForce(coordinate: Coordinate, force: number, other: Coordinate): Coordinate {
    const { vec, error, adjustment, height } = coordinate;
    const distance = lengthBetween(vec, other.vec);
    if (distance <= ZERO)
      return { vec: translate(vec, this.#anyDirection(), force), error, adjustment, height };
    const away = vec.map((own, i) => (own - (other.vec[i] as number)) / distance);
    const raised = ((height + other.height) * force) / distance + height;
    return { vec: translate(vec, away, force), error, adjustment, height: Math.max(MIN_HEIGHT, raised) };
  }

  /** A random unit vector, for two coordinates at one place. */
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
 * Decodes the payload of an ack. Throws `WireError`, also for values that no honest agent sends: another number of
 * dimensions, NaN, more than 10 s, no height, an error above the maximum.
 */
export function decodeCoordinate(payload: Uint8Array): Coordinate {
  const { vec, error, adjustment, height } = decodeStruct(CoordinateBody, payload);
  const isPlausible =
    vec.length === DIMENSIONS &&
    vec.every((one) => Math.abs(one) <= MAX_SECONDS) &&
    Math.abs(adjustment) <= MAX_SECONDS &&
    Math.abs(height) <= MAX_SECONDS &&
    height >= MIN_HEIGHT &&
    error >= 0 &&
    error <= MAX_ERROR;
  if (!isPlausible) throw new WireError('badValue', 'an implausible coordinate');
  return { vec, error, adjustment, height };
}

const toTold = (coordinate: Coordinate) => {
  const payload = encodeCoordinate(coordinate);
  return { coordinate, payload, hash: hashPayload(payload) };
};

/** Of 16 bits, never 0. FNV-1a, folded: what it compares is the same in all but one of 65,535 cases in which it says so. */
function hashPayload(payload: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const octet of payload) hash = Math.imul(hash ^ octet, 0x01000193);
  return (hash ^ (hash >>> 16)) & 0xffff || 1;
}

const freshSamples = (): number[] => Array.from({ length: ADJUSTMENT_WINDOW }, () => 0);

/** Estimated distance, truncated to nanoseconds. */
function secondsBetween(a: Coordinate, b: Coordinate): number {
  const raw = rawSeconds(a, b);
  const adjusted = raw + a.adjustment + b.adjustment;
  return Math.trunc((adjusted > 0 ? adjusted : raw) * 1e9) / 1e9;
}

const rawSeconds = (a: Coordinate, b: Coordinate): number =>
  lengthBetween(a.vec, b.vec) + a.height + b.height;

const translate = (vec: readonly number[], direction: readonly number[], force: number): number[] =>
  vec.map((own, i) => own + (direction[i] as number) * force);

// A loop, because it is hot: it runs several times per ack, and acks are half of what an idle agent receives.
function lengthBetween(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return Math.sqrt(sum);
}

const isValid = ({ vec, error, adjustment, height }: Coordinate): boolean =>
  vec.every(Number.isFinite) && [error, adjustment, height].every(Number.isFinite);
