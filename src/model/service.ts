/**
 * A service and its checks, as everybody here means them: what is registered with an agent, and what of it an owner
 * publishes to all others. One model for the wire, the ledgers, the checks and the readers.
 */

export type CheckStatus = 'passing' | 'warning' | 'critical';

/** A service as it is registered over HTTP, from a file or on the command line: decoded and validated. */
export interface ServiceDefinition {
  /** Unique on its node; printable, at most 512 bytes. */
  readonly id: string;
  /** Letters, digits, `.`, `_`, `-`; at most 128. Kept as registered, found without regard to case. */
  readonly name: string;
  readonly tags: readonly string[];
  /** An IP, a host name, or `''`: the node's own. */
  readonly address: string;
  /** -1 (a unix socket) to 65535. */
  readonly port: number;
  readonly taggedAddresses: ReadonlyMap<string, ServiceAddress>;
  readonly meta: ReadonlyMap<string, string>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly enableTagOverride: boolean;
}

export interface ServiceAddress {
  readonly address: string;
  readonly port: number;
}

/** One instance of a service, as its owner publishes it. Immutable. */
export interface Service extends ServiceDefinition {
  readonly kind: 'service';
  /** Its owner takes it out of the answers, and is about to stop it. */
  readonly draining: boolean;
}

/** One check as its owner publishes it: what it says, not how it is run. Immutable. */
export interface Check {
  readonly kind: 'check';
  /** Unique on its node. */
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly notes: string;
  /** Trimmed for gossip (`MAX_GOSSIP_OUTPUT_BYTES`); the owner itself has more of it. */
  readonly output: string;
  /** `''`: a check of the node, which counts for all its services. */
  readonly serviceId: string;
  /** http, tcp, udp, ttl, grpc, alias, script, h2ping, maintenance … */
  readonly type: string;
  /** As registered, in Go's syntax; `''` where there is none. */
  readonly interval: string;
  readonly timeout: string;
}

export type Published = Service | Check;

/** The key of an entry in its owner's ledger: `s:ID` or `c:ID`. */
export type EntryKey = `s:${string}` | `c:${string}`;

export const toEntryKey = (value: Published): EntryKey =>
  value.kind === 'service' ? `s:${value.id}` : `c:${value.id}`;

/** One row of a ledger; without a value it is a tombstone. */
export interface Entry {
  readonly key: EntryKey;
  /** The owner's version at which it was written. */
  readonly version: number;
  readonly value: Published | undefined;
}

/** A change an owner makes to its own ledger. */
export type EntryWrite = { readonly put: Published } | { readonly remove: EntryKey };

/** Bytes of a check's output that are replicated. */
export const MAX_GOSSIP_OUTPUT_BYTES = 256;

/** The check as others get it: its output is cut to what is gossiped, without half a character at the end. */
export function truncateCheckForGossip(check: Check): Check {
  const output = truncateForGossip(check.output);
  return output === check.output ? check : { ...check, output };
}

/** The first bytes of a text, well formed; a lone surrogate becomes U+FFFD. */
export function truncateForGossip(output: string, maxBytes = MAX_GOSSIP_OUTPUT_BYTES): string {
  const start = output.slice(0, maxBytes); // a unit is at least one byte
  const octets = encoder.encode(start);
  if (octets.length <= maxBytes && !SURROGATE.test(start)) return start;
  let end = Math.min(maxBytes, octets.length);
  while (end > 0 && end < octets.length && ((octets[end] as number) & 0xc0) === 0x80) end--;
  return decoder.decode(octets.subarray(0, end));
}

const SURROGATE = /\p{Cs}/u;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
