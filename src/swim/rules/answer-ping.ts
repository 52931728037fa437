/** Answers pings, and tells a sender that is held as down of that. */
import type { Address } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import type { Ping } from '../../wire/memberlist.ts';
import { ackAddress, type SwimContext } from '../context.ts';
import { isUp } from '../precedence.ts';
import { droppedNotification, notifyDown } from './notify-down.ts';

/**
 * Differs: a sender that is held as down or absent, or was dropped, is notified of that; memberlist only acks.
 *
 * Source: memberlist net.go, handlePing.
 */
export function answerPing(context: SwimContext, ping: Ping, from: Address): void {
  if (ping.node !== '' && ping.node !== context.name) return; // for the former owner of this address
  const to = ackAddress(ping, from);
  const peer = context.memberAt(ping.sourceNode, to);
  const { seqNo, sourceNode } = ping;
  if (peer !== undefined) context.members.onHeardFrom(peer);
  if (peer === undefined && !context.members.isAddressOfMember(to)) {
    // One packet without a coordinate: anybody can write any address into a ping (S31).
    const notification = droppedNotification(context, sourceNode);
    return context.sendToOutsider(to, { kind: 'ack', seqNo, payload: NO_BYTES }, notification);
  }
  context.sendWithPiggyback(to, peer, { kind: 'ack', seqNo, payload: context.ackPayload(ping.held) });
  // Who pauses does not ping: somebody else has said so with its address.
  if (peer !== undefined && (!isUp(peer.state) || peer.absence !== undefined)) notifyDown(context, peer, to);
}
