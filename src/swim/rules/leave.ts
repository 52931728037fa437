/**
 * Leave messages: a dead message about a member that names the member itself as its sender. It counts as the member's
 * own word if it comes from the member's address. Others only pass it on, and anybody with the key can forge it: then
 * the member is asked. One that has left does not answer any more, or repeats its word; one that stays refutes.
 *
 * Differs: memberlist believes it from anybody.
 */
import type { Dead } from '../../wire/memberlist.ts';
import type { SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import type { AccusationReason } from '../types.ts';
import type { MessageSource } from './source.ts';
import { recordUnconfirmedLeave, startVerification } from './verify.ts';

/** A datagram of the member, or its answer to a push/pull of ours. The port of a dialer says nothing. */
export function isOwnWord(context: SwimContext, row: MutableMember, source: MessageSource): boolean {
  if (source.kind === 'local' || !context.config.dialBack) return true;
  const { host, port } = row.identity.address;
  return source.kind !== 'inbound' && source.from.host === host && source.from.port === port;
}

/** Asks the member whether it has left. `reason` is recorded if it has. */
export function verifyLeave(
  context: SwimContext,
  row: MutableMember,
  { incarnation }: Pick<Dead, 'incarnation'>,
  reason: AccusationReason,
): void {
  const { name: node, address, meta, vsn } = row.identity;
  const pending = context.verifications.get(node);
  if (pending?.kind === 'suspicion') context.verifications.delete(pending); // it asks the same of the same member
  const { ip: addr, port } = address;
  const claim = { kind: 'alive', incarnation, node, addr, port, meta, vsn } as const;
  startVerification(context, 'leave', claim, address, reason);
}

/** The member announced itself at this incarnation: a leave below it is refuted. */
export function endRefutedLeave(context: SwimContext, row: MutableMember, incarnation: number): void {
  const pending = context.verifications.get(row.identity.name);
  if (pending?.kind !== 'leave' || pending.claim.incarnation >= incarnation) return;
  context.verifications.delete(pending);
  recordUnconfirmedLeave(context, pending);
}
