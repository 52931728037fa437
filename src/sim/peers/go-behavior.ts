/**
 * Behavior of memberlist in Go that differs from our core, as far as filters on the core's inputs and outputs can
 * imitate it: it believes old news of dead members, does not answer where our core does, does not learn from
 * accusations of dead members, and does not remind members of queries. Filters cannot imitate that it accepts any
 * incarnation, and a new address at any incarnation once a member has left.
 *
 * Source: memberlist state.go; P20, P25, P69, P70 (docs/protocol.md).
 */

import { NO_BYTES } from '../../base/bytes.ts';
import type { SerfEffect } from '../../serf/types.ts';
import type { MemberEvent, MembersView, SwimEffect } from '../../swim/types.ts';
import type { Ack, PushNodeState, SwimMessage } from '../../wire/memberlist.ts';
import { SERF_TYPE } from '../../wire/serf.ts';

type Send = Extract<SwimEffect, { kind: 'send' }>;

/**
 * The part of a message that memberlist acts on. An accusation that does not change the state does not raise the stored
 * incarnation either: neither one of a member that is down, nor a second suspicion.
 */
export function filterAccusation(message: SwimMessage, members: MembersView): SwimMessage | undefined {
  if (message.kind !== 'suspect' && message.kind !== 'dead') return message;
  const row = members.get(message.node);
  if (row === undefined || row === members.self) return message;
  if (row.state === 'dead' || row.state === 'left') return undefined;
  if (message.kind === 'suspect' && row.state === 'suspect' && message.incarnation > row.incarnation)
    return { ...message, incarnation: row.incarnation, refused: undefined };
  // memberlist skips a field that it does not know, and passes on what it has read.
  if (message.kind === 'suspect' && message.refused === true) return { ...message, refused: undefined };
  return message;
}

/** The part of a push/pull row that memberlist acts on. A row counts as an accusation unless it is alive. */
export function filterAccusationRow(row: PushNodeState, members: MembersView): PushNodeState | undefined {
  const known = members.get(row.name);
  if (known === undefined && row.state === SUSPECT) return undefined;
  if (row.state === 0 || known === undefined || known === members.self) return row;
  if (known.state === 'dead' || known.state === 'left') return undefined;
  if (row.state !== LEFT && known.state === 'suspect' && row.incarnation > known.incarnation)
    return { ...row, incarnation: known.incarnation };
  return row;
}

const SUSPECT = 1;
const LEFT = 3;

/** Serf takes a member without a leave intent for failed, whatever memberlist says (serf#638). */
export const withoutLeave = (event: MemberEvent): MemberEvent =>
  event.kind === 'memberDown' ? { ...event, left: false } : event;

/**
 * The ack to a ping by which the core verifies a member that it does not know any more (memberlist#312). memberlist
 * does not verify, so the core is given the answer at once.
 */
export function answerVerification({ message, peer, piggyback }: Send): Ack | undefined {
  // Indirect pings, sent on behalf of another member, may carry piggybacked messages.
  if (message.kind !== 'ping' || peer !== undefined || piggyback) return undefined;
  return { kind: 'ack', seqNo: message.seqNo, payload: NO_BYTES };
}

/**
 * What memberlist would send of this. It does not tell a dead member why it is ignored (memberlist#311), and does not
 * send refutations to anybody in particular.
 */
export function sentByGo(effect: Send): Send | undefined {
  const { message, peer, to, piggyback } = effect;
  if (peer !== undefined) return effect;
  if (message.kind === 'suspect' || message.kind === 'dead' || message.kind === 'alive') return undefined;
  return { kind: 'send', to, peer, message, piggyback };
}

/** Whether the effect reminds a member of a query, which only our core does. */
export const isQueryReminder = (effect: SerfEffect): boolean =>
  effect.kind === 'send' && effect.body[0] === SERF_TYPE.query;
