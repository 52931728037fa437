/** A tap on the network: keeps the last datagrams, so that faults can replay them. */
import type { Rng } from '../../base/rng.ts';
import type { World } from '../world/world.ts';

const KEPT = 256;

export class DatagramTap {
  readonly #captured: Uint8Array[] = [];
  #next = 0;
  #captures = 0;

  /** Captures until the returned function is called. Captured datagrams are kept. */
  startCapture(): () => void {
    this.#captures += 1;
    return () => {
      this.#captures -= 1;
    };
  }

  capture(bytes: Uint8Array): void {
    if (this.#captures === 0) return;
    this.#captured[this.#next] = bytes.slice();
    this.#next = (this.#next + 1) % KEPT;
  }

  sample(rng: Rng): Uint8Array | undefined {
    return this.#captured.length === 0 ? undefined : this.#captured[rng.int(this.#captured.length)];
  }
}

const taps = new WeakMap<World, DatagramTap>();

/** The tap of a world; there is one for each. */
export function getDatagramTap(world: World): DatagramTap {
  let tap = taps.get(world);
  if (tap === undefined) {
    const one = new DatagramTap();
    tap = one;
    taps.set(world, tap);
    world.subscribe({ onDatagram: (_host, _to, bytes) => one.capture(bytes) });
  }
  return tap;
}
