/** Every datagram of a world, opened once however many listen. */
import { WireError } from '../../../base/errors.ts';
import { openPacket } from '../../../wire/packet.ts';
import type { SimHost } from '../../world/host.ts';
import { hostEnvelope } from '../../world/message-kinds.ts';
import type { World } from '../../world/world.ts';

/**
 * `to` is absent where nobody has the address. `messages` are bare ones, type octet first; absent if the sender's own
 * envelope does not open the datagram. All are views, for the length of the call.
 */
export type DatagramListener = (
  from: SimHost,
  to: SimHost | undefined,
  messages: readonly Uint8Array[] | undefined,
  bytes: Uint8Array,
) => void;

const listenersByWorld = new WeakMap<World, DatagramListener[]>();

/** Hears each datagram as it leaves, whatever becomes of it. */
export function subscribeDatagrams(world: World, listener: DatagramListener): void {
  const known = listenersByWorld.get(world);
  if (known !== undefined) {
    known.push(listener);
    return;
  }
  const listeners = [listener];
  listenersByWorld.set(world, listeners);
  world.subscribe({
    onDatagram: (from, to, bytes) => {
      const messages = openMessages(from, bytes);
      for (const one of listeners) one(from, to, messages, bytes);
    },
  });
}

function openMessages(from: SimHost, bytes: Uint8Array): readonly Uint8Array[] | undefined {
  try {
    return openPacket(bytes, hostEnvelope(from.currentOptions)).messages;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
