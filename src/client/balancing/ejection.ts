/**
 * Outlier ejection: an instance that failed several requests of this process in a row is left out for a while, which grows
 * each time, until a probe reaches it. The agent's checks are slower than a client, and look from elsewhere.
 */
import { connect } from 'node:net';
import type { DiscoveredInstance } from '../instance.ts';

/** Whether an instance can be reached. */
export type InstanceProbe = (instance: DiscoveredInstance) => Promise<boolean>;

const FIRST_EJECTION = 1000;
const LONGEST_EJECTION = 30_000;
const PROBE_TIMEOUT = 1000;

export class Ejector {
  readonly #probe: InstanceProbe;
  /** Called when an instance was ejected or let back. */
  readonly #onChange: () => void;
  readonly #timers = new Map<DiscoveredInstance, NodeJS.Timeout>();
  readonly #first: number;

  constructor(probe: InstanceProbe, onChange: () => void, first = FIRST_EJECTION) {
    this.#probe = probe;
    this.#onChange = onChange;
    this.#first = first;
  }

  eject(instance: DiscoveredInstance): void {
    instance.ejected = true;
    this.#schedule(instance);
    this.#onChange();
  }

  /** The instance is not known any more. */
  forget(instance: DiscoveredInstance): void {
    clearTimeout(this.#timers.get(instance));
    this.#timers.delete(instance);
  }

  close(): void {
    for (const instance of [...this.#timers.keys()]) this.forget(instance);
  }

  #schedule(instance: DiscoveredInstance): void {
    const pause = Math.min(LONGEST_EJECTION, this.#first * 2 ** instance.ejections);
    instance.ejections += 1;
    const timer = setTimeout(() => void this.#tryAgain(instance), pause * (0.75 + Math.random() / 2));
    timer.unref();
    this.#timers.set(instance, timer);
  }

  async #tryAgain(instance: DiscoveredInstance): Promise<void> {
    const reached = await this.#probe(instance);
    if (!this.#timers.has(instance)) return;
    if (!reached) return this.#schedule(instance);
    this.#timers.delete(instance);
    instance.ejected = false;
    this.#onChange();
  }
}

/** Opens a connection and closes it. */
export const probeByConnecting: InstanceProbe = ({ address, port }) =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: PROBE_TIMEOUT });
    const end = (reached: boolean): void => {
      socket.destroy();
      resolve(reached);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
    socket.unref();
  });
