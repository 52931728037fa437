/** The source of a message: it decides what is believed at once, where an answer is sent, and what a fact records. */
import { type Address, parseAddress } from '../../base/address.ts';
import type { SwimContext } from '../context.ts';
import type { AccusationReason, MemberState } from '../types.ts';

/**
 * `packet`: a datagram. `inbound`, `outbound`: rows of a push/pull that a peer, or this agent, started. `local`: this
 * agent itself.
 */
export type MessageSource =
  | { readonly kind: 'packet' | 'inbound' | 'outbound'; readonly from: Address }
  | { readonly kind: 'local' };

export const LOCAL_SOURCE: MessageSource = { kind: 'local' };

/** The `source` field of a fact; none for this agent itself. */
export const sourceField = (source: MessageSource): { readonly source?: string } =>
  source.kind === 'local' ? {} : { source: source.from.key };

/** Where an accusation is answered at once. The port of a stream's dialer is not one that it listens on. */
export const replyAddress = (source: MessageSource): Address | undefined =>
  source.kind === 'packet' ? source.from : undefined;

/** The source address as `host:port`; for this agent itself its own. */
export const formatSource = (context: SwimContext, source: MessageSource): string =>
  source.kind === 'local' ? context.self.identity.address.key : source.from.key;

/**
 * A death or a leave that was told is refuted: its source may say less for a while. A member that passes on what another
 * one said is not to blame.
 */
export function chargeSource(context: SwimContext, reason: AccusationReason | undefined): void {
  if (reason?.kind !== 'message') return;
  const from = parseAddress(reason.source);
  if (from === undefined) return;
  const isRelay = context.members.isAddressOfMember(from) && context.memberAt(reason.by, from) === undefined;
  if (!isRelay) context.accusationLimiter.charge(from, context.now);
}

/** Why `by` accuses a member; `state` is that of the push/pull row which the accusation was derived from, if any. */
export function accusationReason(
  context: SwimContext,
  by: string,
  source: MessageSource,
  state?: MemberState,
): AccusationReason {
  const where = formatSource(context, source);
  return state === undefined
    ? { kind: 'message', by, source: where }
    : { kind: 'pushPull', state, source: where };
}
