/**
 * Weighs the instances of one service by availability zone, with the agent's own rules. A file of its own that is loaded when
 * there is a zone.
 */
import { toPreferences } from '../locality/preferences.ts';
import { ZonePlanner, type ZoneSettings } from '../locality/zone-planner.ts';
import type { DiscoveredInstance } from './instance.ts';

/** Where time comes from. `later` returns what cancels the call. */
export interface PreferenceClock {
  now(): number;
  later(call: () => void, delay: number): () => void;
}

const NO_CALL = (): void => undefined;

export class ZonePreference {
  readonly #planner: ZonePlanner;
  readonly #clock: PreferenceClock;
  readonly #onChange: () => void;
  #cancel = NO_CALL;

  /** `onChange` is called when the weights may be others although no instance has changed. */
  constructor(spill: number, hold: ZoneSettings['hold'], clock: PreferenceClock, onChange: () => void) {
    this.#planner = new ZonePlanner(spill, hold);
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** The weight of each of `usable`; 0: it is spare. At least one is above 0. `registered` are all in any state. */
  weigh(
    registered: readonly DiscoveredInstance[],
    usable: readonly DiscoveredInstance[],
    zone: string,
  ): readonly number[] {
    const now = this.#clock.now();
    const set = new Set(usable);
    const located = registered.map((one) => ({ zone: one.zone, rtt: one.rtt, usable: set.has(one) }));
    const preferences = toPreferences(this.#planner.update(located, zone, now), usable);
    this.#cancel();
    const { deadline } = this.#planner;
    this.#cancel = deadline < Infinity ? this.#clock.later(this.#onChange, deadline - now) : NO_CALL;
    const first = Math.min(...preferences.map(({ priority }) => priority));
    return preferences.map(({ priority, weight }) => (priority === first ? weight : 0));
  }

  close(): void {
    this.#cancel();
  }
}

/** How services make theirs; `undefined` with a `spill` of `null`, for then zones do not matter. */
export const preferenceBy = (spill: number | null, hold: number, clock = PROCESS_CLOCK) =>
  spill === null
    ? undefined
    : (onChange: () => void): ZonePreference => new ZonePreference(spill, hold, clock, onChange);

/** What waits keeps no process alive. */
const PROCESS_CLOCK: PreferenceClock = {
  now: () => performance.now(),
  later: (call, delay) => {
    const timer = setTimeout(call, delay);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
