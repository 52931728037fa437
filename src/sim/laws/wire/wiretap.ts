/** Every datagram of a world, opened once however many listen. */
import { WireError } from '../../../base/errors.ts';
import { openPacket } from '../../../wire/packet.ts';
import type { Host } from '../../world/host.ts';
import { envelopeOf } from '../../world/message-kinds.ts';
import type { World } from '../../world/world.ts';

/**
 * `to` is absent where nobody has the address. `messages` are bare ones, type octet first; absent if the sender's own
 * envelope does not open the datagram. All are views, for the length of the call.
 */
export type Listener = (
  from: Host,
  to: Host | undefined,
  messages: readonly Uint8Array[] | undefined,
  bytes: Uint8Array,
) => void;

const taps = new WeakMap<World, Listener[]>();

/** Hears each datagram as it leaves, whatever becomes of it. */
export function overhear(world: World, listener: Listener): void {
  const known = taps.get(world);
  if (known !== undefined) {
    known.push(listener);
    return;
  }
  const listeners = [listener];
  taps.set(world, listeners);
  world.watch({
    sent: (from, to, bytes) => {
      const messages = opened(from, bytes);
      for (const one of listeners) one(from, to, messages, bytes);
    },
  });
}

function opened(from: Host, bytes: Uint8Array): readonly Uint8Array[] | undefined {
  try {
    return openPacket(bytes, envelopeOf(from.present)).messages;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
