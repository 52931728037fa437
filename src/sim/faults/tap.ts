/** An ear in the network: keeps the datagrams that went by last, for those who send them again. */
import type { Rng } from '../../base/rng.ts';
import type { World } from '../world/world.ts';

const KEPT = 256;

export class Tap {
  readonly #caught: Uint8Array[] = [];
  #next = 0;
  #open = 0;

  /** Listens until what is returned is called. What was caught stays. */
  open(): () => void {
    this.#open += 1;
    return () => {
      this.#open -= 1;
    };
  }

  hear(bytes: Uint8Array): void {
    if (this.#open === 0) return;
    this.#caught[this.#next] = bytes.slice();
    this.#next = (this.#next + 1) % KEPT;
  }

  any(rng: Rng): Uint8Array | undefined {
    return this.#caught.length === 0 ? undefined : this.#caught[rng.int(this.#caught.length)];
  }
}

const taps = new WeakMap<World, Tap>();

/** The one tap of a world. */
export function tapOf(world: World): Tap {
  let tap = taps.get(world);
  if (tap === undefined) {
    const one = new Tap();
    tap = one;
    taps.set(world, tap);
    world.watch({ sent: (_host, _to, bytes) => one.hear(bytes) });
  }
  return tap;
}
