/** Where news comes from: what may be believed of it at once, where an answer goes, and what is written down. */
import type { Address } from '../../base/address.ts';
import type { SwimContext } from '../context.ts';
import type { AccusationReason, MemberState } from '../types.ts';

/** `served`: rows of a push/pull that somebody dialed us for; `dialed`: those of one we asked for. */
export type MessageSource =
  | { readonly kind: 'packet' | 'inbound' | 'outbound'; readonly from: Address }
  | { readonly kind: 'local' };

export const LOCAL_SOURCE: MessageSource = { kind: 'local' };

/** Whose datagram or stream it was, for a fact; nothing if it was our own thought. */
export const sourceField = (source: MessageSource): { readonly source?: string } =>
  source.kind === 'local' ? {} : { source: source.from.key };

/** Where to answer a rumor at once: only datagrams come from where their sender listens. */
export const replyAddress = (source: MessageSource): Address | undefined =>
  source.kind === 'packet' ? source.from : undefined;

/** The address it came from, as `host:port`; our own for what we say ourselves. */
export const formatSource = (core: SwimContext, source: MessageSource): string =>
  source.kind === 'local' ? core.self.identity.address.key : source.from.key;

/** What to write down of an accusation by `by`; `state` is that of the row it stands for, if it came as one. */
export function accusationReason(
  core: SwimContext,
  by: string,
  source: MessageSource,
  state?: MemberState,
): AccusationReason {
  const where = formatSource(core, source);
  return state === undefined
    ? { kind: 'message', by, source: where }
    : { kind: 'pushPull', state, source: where };
}
