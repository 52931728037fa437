/**
 * What memberlist in Go does otherwise than our core, as far as it can be had by changing what the core hears and says:
 * it believes old news of the dead, is silent where ours answers, does not learn from what is said of the dead, and leaves
 * its queries to gossip.
 * Not to be had so: that it takes any incarnation, and a new address at any incarnation once a member has left.
 *
 * Source: memberlist state.go; P20, P25, P69, P70 (docs/protocol.md).
 */

import { NO_BYTES } from '../../base/bytes.ts';
import type { SerfEffect } from '../../serf/types.ts';
import type { MembersView, SwimEffect } from '../../swim/types.ts';
import type { Ack, PushNodeState, SwimMessage } from '../../wire/memberlist.ts';
import { SERF_TYPE } from '../../wire/serf.ts';

type Send = Extract<SwimEffect, { kind: 'send' }>;

/**
 * What of a message counts. The stored incarnation is raised by no accusation that changes no state: neither of one
 * who is down already, nor by a second suspicion.
 */
export function filterAccusation(message: SwimMessage, members: MembersView): SwimMessage | undefined {
  if (message.kind !== 'suspect' && message.kind !== 'dead') return message;
  const row = members.get(message.node);
  if (row === undefined || row === members.self) return message;
  if (row.state === 'dead' || row.state === 'left') return undefined;
  if (message.kind === 'suspect' && row.state === 'suspect' && message.incarnation > row.incarnation)
    return { ...message, incarnation: row.incarnation };
  return message;
}

/** Likewise of a row of a push/pull, which counts as an accusation unless it is alive. */
export function filterAccusationRow(row: PushNodeState, members: MembersView): PushNodeState | undefined {
  const held = members.get(row.name);
  if (row.state === 0 || held === undefined || held === members.self) return row;
  if (held.state === 'dead' || held.state === 'left') return undefined;
  if (row.state !== LEFT && held.state === 'suspect' && row.incarnation > held.incarnation)
    return { ...row, incarnation: held.incarnation };
  return row;
}

const LEFT = 3;

/**
 * The answer to a question that the core asks before it believes what is said of somebody it does not know any more
 * (memberlist#312): a Go agent does not ask.
 */
export function answerVerification({ message, peer, piggyback: fill }: Send): Ack | undefined {
  // What is sent on another's behalf may be filled up.
  if (message.kind !== 'ping' || peer !== undefined || fill) return undefined;
  return { kind: 'ack', seqNo: message.seqNo, payload: NO_BYTES };
}

/** Nobody is told why he is shunned (memberlist#311), and a refutation goes to no one in particular. */
export const isSentByGo = ({ message, peer }: Send): boolean =>
  peer !== undefined || (message.kind !== 'suspect' && message.kind !== 'dead' && message.kind !== 'alive');

/** A query goes to nobody in particular; only ours reminds those who have not answered. */
export const isQueryReminder = (effect: SerfEffect): boolean =>
  effect.kind === 'send' && effect.body[0] === SERF_TYPE.query;
