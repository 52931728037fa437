/**
 * Replays: what honest members sent is recorded, and sent again later, by somebody who writes their addresses; a member may have
 * restarted in between. Without freshness in the messages it all is well formed, and was true once.
 */
import type { Address } from '../../base/address.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { type FaultDefinitions, hostLabels, restartHost } from './fault.ts';

export interface ReplayFaults {
  replay: {
    /** The member that restarts between the recording and its replay, if any does. */
    readonly host: string;
    readonly restarts: boolean;
    readonly every: Millis;
    readonly seed: number;
  };
}

export const replayFaults: FaultDefinitions<ReplayFaults> = {
  replay: {
    maxSpan: 40_000,
    draw: ({ rng, host, coin }) => ({
      host: host(),
      restarts: coin(),
      every: Math.round(20 * 50 ** rng.next()),
      seed: rng.int(2 ** 31),
    }),
    inject: (world, { host, restarts, every, seed, span }) => {
      const rng = createRng(seed);
      const stranger = world.newAddress(world.host(host).options.v6);
      const recording = new Recording(world, rng);
      world.schedule(world.now + RECORDED * span, () => {
        recording.isOver = true;
        if (restarts && world.host(host).running) world.stop(host);
      });
      const restartAt = world.now + (RECORDED + DOWN) * span;
      world.schedule(restartAt, () => {
        if (restarts) restartHost(world, host, { restore: true, newAddress: false });
      });
      for (let at = restartAt; at < world.now + span; at += every)
        world.schedule(at, () => replayOne(world, recording, stranger, rng));
    },
  },
};

/** Parts of the span: the recording, and then the time that the host is down. */
const RECORDED = 0.4;
const DOWN = 0.1;
/** Messages that are kept of each kind; which, is drawn. */
const KEPT = 256;

interface Recorded {
  readonly sender: SimHost;
  readonly kind: 'datagram' | 'stream';
  readonly bytes: Uint8Array;
}

class Recording {
  isOver = false;
  readonly #kept: { readonly [K in Recorded['kind']]: Recorded[] } = { datagram: [], stream: [] };
  readonly #seen = { datagram: 0, stream: 0 };
  readonly #rng: Rng;

  constructor(world: World, rng: Rng) {
    this.#rng = rng;
    world.subscribe({
      onDatagram: (sender, _to, bytes) => this.#record({ sender, kind: 'datagram', bytes }),
      onStreamWrite: (sender, bytes) => this.#record({ sender, kind: 'stream', bytes }),
    });
  }

  #record(message: Recorded): void {
    if (this.isOver) return;
    const { kind, bytes } = message;
    const kept = this.#kept[kind];
    this.#seen[kind] += 1;
    const slot = kept.length < KEPT ? kept.length : this.#rng.int(this.#seen[kind]);
    if (slot < KEPT) kept[slot] = { ...message, bytes: bytes.slice() };
  }

  /** One message in four is of a stream. */
  sample(): Recorded | undefined {
    const kept = this.#kept[this.#rng.int(4) === 0 ? 'stream' : 'datagram'];
    return kept[this.#rng.int(Math.max(1, kept.length))];
  }
}

/** Three times in four it comes from where its sender is now. */
function replayOne(world: World, recording: Recording, stranger: Address, rng: Rng): void {
  const labels = hostLabels(world);
  const to = world.host(labels[rng.int(labels.length)] as string);
  const message = recording.sample();
  const from = rng.int(4) === 0 ? stranger : message?.sender.address;
  if (message === undefined || from === undefined || !to.running) return;
  if (message.kind === 'stream') world.injectStream(to.label, from, message.bytes);
  else world.injectDatagram(to.label, from, message.bytes);
}
