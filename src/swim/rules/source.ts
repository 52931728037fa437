/** Where news comes from: what may be believed of it at once, where an answer goes, and what is written down. */
import type { Address } from '../../base/address.ts';
import type { Core } from '../context.ts';
import type { MemberState, Reason } from '../types.ts';

/** `served`: rows of a push/pull that somebody dialed us for; `dialed`: those of one we asked for. */
export type Source =
  | { readonly kind: 'packet' | 'served' | 'dialed'; readonly from: Address }
  | { readonly kind: 'ourselves' };

export const OURSELVES: Source = { kind: 'ourselves' };

/** Whose datagram or stream it was, for a fact; nothing if it was our own thought. */
export const namedIn = (source: Source): { readonly source?: string } =>
  source.kind === 'ourselves' ? {} : { source: source.from.key };

/** Where to answer a rumor at once: only datagrams come from where their sender listens. */
export const replyTo = (source: Source): Address | undefined =>
  source.kind === 'packet' ? source.from : undefined;

/** The address it came from, as `host:port`; our own for what we say ourselves. */
export const sourceOf = (core: Core, source: Source): string =>
  source.kind === 'ourselves' ? core.self.identity.address.key : source.from.key;

/** What to write down of an accusation by `by`; `state` is that of the row it stands for, if it came as one. */
export function reasonFor(core: Core, by: string, source: Source, state?: MemberState): Reason {
  const where = sourceOf(core, source);
  return state === undefined ? { kind: 'word', by, source: where } : { kind: 'table', state, source: where };
}
