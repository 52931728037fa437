/**
 * The model of services and checks that all layers share: what is registered with an agent, what an owner publishes,
 * and the entries that hold it.
 */

export type CheckStatus = 'passing' | 'warning' | 'critical';

/** A service as it is registered over HTTP or from a file: decoded and validated. */
export interface ServiceDefinition {
  /** Unique on its node; printable, at most 512 bytes. */
  readonly id: string;
  /** Letters, digits, `.`, `_`, `-`; at most 128. Lookups ignore case. */
  readonly name: string;
  readonly tags: readonly string[];
  /** An IP address or a host name; `''`: the node's own address. */
  readonly address: string;
  /** -1 (a unix socket) to 65535. With `ports` it is that of the default one. */
  readonly port: number;
  /** Named ports, at most one of them the default; empty for a service with a single port. */
  readonly ports: readonly ServicePort[];
  readonly taggedAddresses: ReadonlyMap<string, ServiceAddress>;
  readonly meta: ReadonlyMap<string, string>;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly enableTagOverride: boolean;
}

export interface ServicePort {
  /** One DNS label in lower case. Lookups ignore case. */
  readonly name: string;
  /** 1 to 65535. */
  readonly port: number;
  readonly isDefault: boolean;
}

/** The port of this name, in any case; `undefined` if the service has none. */
export const namedPort = ({ ports }: ServiceDefinition, name: string): number | undefined =>
  ports.find((one) => one.name === name.toLowerCase())?.port;

export interface ServiceAddress {
  readonly address: string;
  readonly port: number;
}

/** One instance of a service, as its owner publishes it. Immutable. */
export interface Service extends ServiceDefinition {
  readonly kind: 'service';
  /** Its owner is about to stop it, and readers leave it out. */
  readonly draining: boolean;
}

/** One check as its owner publishes it: its result, not how it runs. Immutable. */
export interface Check {
  readonly kind: 'check';
  /** Unique on its node. */
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly notes: string;
  /** At most `MAX_GOSSIP_OUTPUT_BYTES`; the owner keeps more. */
  readonly output: string;
  /** `''`: a check of the node, which applies to all its services. */
  readonly serviceId: string;
  /** http, tcp, udp, ttl, grpc, alias, script, h2ping, maintenance … */
  readonly type: string;
  /** In Go's syntax; `''` for kinds that do not run. */
  readonly interval: string;
  readonly timeout: string;
}

/** A node that is no member, as the agent that it was registered with publishes it. Immutable. */
export interface ExternalNode {
  readonly kind: 'node';
  /** Names match without regard to case. */
  readonly name: string;
  /** An IP address or a host name. */
  readonly address: string;
  readonly taggedAddresses: ReadonlyMap<string, string>;
  readonly meta: ReadonlyMap<string, string>;
  /** A UUID, or `''`: it is derived from the name. */
  readonly id: string;
  /** By the wall clock of its owner: the latest registration of a name wins. */
  readonly registeredAt: number;
  /** Another agent than its owner has removed it: readers see no such node, and all earlier owners give it up. */
  readonly removed: boolean;
}

/** An external node, or a service or check on it, in the ledger of the agent that it was registered with. Immutable. */
export interface External {
  readonly kind: 'external';
  readonly node: string;
  readonly value: ExternalNode | Service | Check;
}

export type Published = Service | Check | External;

/** The key of an entry in its owner's ledger: `s:ID`, `c:ID`, or `x:NODE` and a line with `n`, `s:ID` or `c:ID`. */
export type EntryKey = `s:${string}` | `c:${string}` | `x:${string}\n${ExternalKey}`;
/** What of an external node a key is about: `n`, the node itself. */
export type ExternalKey = 'n' | `s:${string}` | `c:${string}`;

export function toEntryKey(value: Published): EntryKey {
  if (value.kind === 'external') return externalEntryKey(value.node, toExternalKey(value.value));
  return value.kind === 'service' ? `s:${value.id}` : `c:${value.id}`;
}

const toExternalKey = (value: External['value']): ExternalKey =>
  value.kind === 'node' ? 'n' : value.kind === 'service' ? `s:${value.id}` : `c:${value.id}`;

export const externalEntryKey = (node: string, key: ExternalKey): EntryKey => `x:${node}\n${key}`;

/** The node of a key that begins with `x:`, and what of it the key is about; `undefined` for other keys. */
export function parseExternalKey(
  key: string,
): { readonly node: string; readonly key: ExternalKey } | undefined {
  const end = key.indexOf('\n');
  if (end < 0 || !key.startsWith('x:')) return undefined;
  return { node: key.slice(2, end), key: key.slice(end + 1) as ExternalKey };
}

/** One entry of a ledger; a tombstone if it has no value. */
export interface Entry {
  readonly key: EntryKey;
  /** The owner's version when it was written. */
  readonly version: number;
  readonly value: Published | undefined;
}

/** A change an owner makes to its own ledger. */
export type EntryWrite = { readonly put: Published } | { readonly remove: EntryKey };

/** Begins the IDs of services that agents register for containers. */
export const CONTAINER_PREFIX = 'container:';
export const isOfContainer = (serviceId: string): boolean => serviceId.startsWith(CONTAINER_PREFIX);

/** The check by which such a service shows how its container is. */
export const containerCheckId = (serviceId: string): string => `${serviceId}:state`;

/** Bytes of a check's output that are replicated. */
export const MAX_GOSSIP_OUTPUT_BYTES = 256;

/** The first `maxBytes` of a text, cut between characters; a lone surrogate becomes U+FFFD. */
export function truncateForGossip(output: string, maxBytes = MAX_GOSSIP_OUTPUT_BYTES): string {
  const start = output.slice(0, maxBytes); // a UTF-16 unit takes at least one byte
  const bytes = encoder.encode(start);
  if (bytes.length <= maxBytes && !SURROGATE.test(start)) return start;
  let end = Math.min(maxBytes, bytes.length);
  while (end > 0 && end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return decoder.decode(bytes.subarray(0, end));
}

const SURROGATE = /\p{Cs}/u;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
