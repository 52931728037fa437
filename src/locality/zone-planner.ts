/**
 * Which share of the traffic goes to which availability zone: all to the own zone while it has the capacity, what is too much
 * for it to the nearest one, and so on. One planner for each service and reader, which hands in the clock.
 *
 * A zone has the capacity for everything while at least the share `spill` of its usual instances is usable, and in proportion
 * less below that. Its usual number is the largest that was registered at once in the last ten minutes, whatever their state: an
 * instance that is draining, or was deregistered, is missed for as long. Capacity that is lost counts at once, and capacity
 * that is back only when it has stayed for `hold`, so that an instance that comes and goes does not move the traffic each time.
 *
 * Source: Envoy, "Priority levels": a health of 100 % at an overprovisioning factor of 1 / `spill`.
 */
import { type Millis, NEVER } from '../base/time.ts';
import { Ratchet } from './ratchet.ts';

export interface ZoneSettings {
  /** From 0, which leaves a zone with its last instance, to 1, which sends away the share of each one that is missing; `null`: zones do not matter. */
  readonly spill: number | null;
  readonly hold: Millis;
}

export const ZONE_DEFAULTS: ZoneSettings = { spill: 0.5, hold: 30_000 };

/** For how long an instance that is gone is missed. */
const USUAL_SPAN: Millis = 600_000;
/** Distances are taken over when they differ by more than this share and this time, so that jitter does not reorder zones. */
const DISTANCE_SHARE = 0.25;
const DISTANCE_STEP: Millis = 0.5;
/** Shares below this come from rounding. */
const LEAST_SHARE = 1e-9;

/** An instance of the service, in any state. */
export interface LocatedInstance {
  /** `null` or `''`: its node has no tag `zone`. */
  readonly zone: string | null;
  /** It may get traffic. */
  readonly usable: boolean;
  /** The estimated round trip to its node; `null`: unknown. */
  readonly rtt: Millis | null;
}

export interface ZoneShare {
  /** `''`: without a zone. */
  readonly zone: string;
  readonly usable: number;
  readonly usual: number;
  /** Of the traffic. Above 0 only if an instance is usable; the sum is 1 if any instance is. */
  readonly share: number;
  /** As in SRV: 1 for all zones that get traffic, then 2, 3 ... for those that are spare, in their order. */
  readonly priority: number;
  /** The capacity counts again, or more of it, from this time on. */
  readonly returnsAt: Millis | null;
}

export interface ZonePlan {
  readonly own: string;
  /** The own zone if it has instances, then the others, nearest first. */
  readonly zones: readonly ZoneShare[];
}

export class ZonePlanner {
  /** When the plan changes although no instance does. */
  deadline: Millis = NEVER;
  readonly #spill: number;
  readonly #hold: Millis;
  readonly #zones = new Map<string, ZoneRecord>();
  #plan: ZonePlan | undefined;
  #text = '';

  constructor(spill: number, hold: Millis) {
    this.#spill = spill;
    this.#hold = hold;
  }

  /** The plan for readers in the zone `own`; the same object as long as it is the same plan. */
  update(instances: Iterable<LocatedInstance>, own: string, now: Millis): ZonePlan {
    const zones = this.#zones;
    for (const record of zones.values()) record.clear();
    for (const { zone, usable, rtt } of instances) {
      const name = zone ?? '';
      const record = zones.get(name) ?? new ZoneRecord(name, this.#hold);
      zones.set(name, record);
      record.count(usable, rtt);
    }
    this.deadline = NEVER;
    for (const record of zones.values()) {
      record.settle(this.#spill, now);
      this.deadline = Math.min(this.deadline, record.usual.due, record.capacity.due);
      if (record.usual.value === 0) zones.delete(record.zone);
    }
    const plan = { own, zones: toShares(toTiers(own, [...zones.values()])) };
    const text = JSON.stringify(plan);
    if (this.#plan === undefined || text !== this.#text) this.#plan = plan;
    this.#text = text;
    return this.#plan;
  }
}

class ZoneRecord {
  readonly zone: string;
  readonly usual = new Ratchet(1, USUAL_SPAN);
  /** For which part of all traffic it has the capacity, 1 at most. */
  readonly capacity: Ratchet;
  /** The same without waiting for it to stay. */
  present = 0;
  usable = 0;
  distance: Millis = NEVER;
  #registered = 0;
  #rtts: Millis[] = [];

  constructor(zone: string, hold: Millis) {
    this.zone = zone;
    this.capacity = new Ratchet(-1, hold);
  }

  clear(): void {
    this.usable = this.#registered = 0;
    this.#rtts = [];
  }

  count(usable: boolean, rtt: Millis | null): void {
    this.#registered += 1;
    if (usable) this.usable += 1;
    if (rtt !== null) this.#rtts.push(rtt);
  }

  settle(spill: number, now: Millis): void {
    this.usual.update(this.#registered, now);
    this.present = this.usable === 0 ? 0 : Math.min(1, this.usable / (spill * this.usual.value));
    this.capacity.update(this.present, now);
    const median = this.#rtts.sort((a, b) => a - b)[this.#rtts.length >> 1] ?? NEVER;
    const step = Math.max(DISTANCE_STEP, DISTANCE_SHARE * this.distance);
    const isOther = this.distance === NEVER || Math.abs(median - this.distance) > step;
    if (isOther && median < NEVER) this.distance = median;
  }
}

/** Zones that are as good as each other. */
interface Tier {
  readonly zones: readonly ZoneRecord[];
  share: number;
}

/** The own zone, then the others by distance. Those whose distance is unknown are one tier, the last: there is no reason to prefer any. */
function toTiers(own: string, zones: readonly ZoneRecord[]): readonly Tier[] {
  const others = zones
    .filter(({ zone }) => zone !== own)
    .sort((a, b) => (a.distance === b.distance ? (a.zone < b.zone ? -1 : 1) : a.distance - b.distance));
  return [
    zones.filter(({ zone }) => zone === own),
    ...others.filter(({ distance }) => distance < NEVER).map((one) => [one]),
    others.filter(({ distance }) => distance === NEVER),
  ]
    .filter(({ length }) => length > 0)
    .map((members) => ({ zones: members, share: 0 }));
}

/** Fills the tiers in their order: first the capacity that counts, then that which is not back for long, then beyond all of it. */
function toShares(tiers: readonly Tier[]): readonly ZoneShare[] {
  let rest = 1;
  for (const isHeld of [true, false])
    for (const tier of tiers) {
      const taken = Math.min(rest, capacityOf(tier, isHeld) - tier.share);
      if (taken < LEAST_SHARE) continue;
      tier.share += taken;
      rest -= taken;
    }
  const given = 1 - rest;
  let next = given > 0 ? 2 : 1;
  return tiers.flatMap(({ zones, share }) => {
    const usable = zones.reduce((sum, one) => sum + one.usable, 0);
    const priority = share > 0 ? 1 : next;
    if (share === 0 && usable > 0) next += 1;
    return zones.map((one) => ({
      ...{ zone: one.zone, usable: one.usable, usual: one.usual.value, priority },
      share: share > 0 ? ((share / given) * one.usable) / usable : 0,
      returnsAt: one.capacity.due < NEVER ? one.capacity.due : null,
    }));
  });
}

function capacityOf({ zones }: Tier, isHeld: boolean): number {
  const usual = zones.reduce((sum, one) => sum + one.usual.value, 0);
  return zones.reduce(
    (sum, one) => sum + ((isHeld ? one.capacity.value : one.present) * one.usual.value) / usual,
    0,
  );
}
