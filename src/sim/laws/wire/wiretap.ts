/** A wiretap on all datagrams of a world, each opened once for all listeners. */
import { WireError } from '../../../base/errors.ts';
import { openPacket } from '../../../wire/packet.ts';
import type { SimHost } from '../../world/host.ts';
import { hostEnvelope } from '../../world/message-kinds.ts';
import type { World } from '../../world/world.ts';

/**
 * `to` is absent if no host has the address. `messages` begin with their type octet; they are absent if the sender's
 * own envelope does not open the datagram. All bytes are views that are valid during the call.
 */
export type DatagramListener = (
  from: SimHost,
  to: SimHost | undefined,
  messages: readonly Uint8Array[] | undefined,
  bytes: Uint8Array,
) => void;

const listenersByWorld = new WeakMap<World, DatagramListener[]>();

/** Calls `listener` for each datagram that is sent, whether it arrives or not. */
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
