/** The captured packets and streams with their meaning, in one form for both sides. */
import { readFileSync } from 'node:fs';
import { encodeUtf8 } from '../../src/base/bytes.ts';
import { parseKey } from '../../src/wire/crypt.ts';
import type { Envelope } from '../../src/wire/packet.ts';

export interface Vector {
  readonly id: string;
  readonly transport: string;
  readonly kind: string;
  readonly emitter: string;
  readonly key: string | null;
  readonly label: string;
  readonly derived: boolean;
  readonly hex: string;
  readonly decoded: Json;
}
export type Json = { readonly [key: string]: unknown };

const file = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8')) as {
  readonly keys: Readonly<Record<string, string>>;
  readonly vectors: readonly Vector[];
};

export const VECTORS = file.vectors;
export const PACKETS = VECTORS.filter((vector) => vector.transport === 'udp');
export const STREAMS = VECTORS.filter((vector) => vector.transport !== 'udp');

export const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The envelope under which a vector was sent. */
export const envelopeOf = (vector: Vector): Envelope => ({
  label: encodeUtf8(vector.label),
  keys: vector.key === null ? [] : [parseKey(file.keys[vector.key] as string)],
  verifyIncoming: true,
  encryptionVersion: /"version":0/.test(JSON.stringify(vector.decoded)) ? 0 : 1,
  compress: false,
});

/** A listener reads what dialers send, and a dialer what listeners send. */
export const roleOf = (vector: Vector): 'dialer' | 'listener' =>
  vector.transport.startsWith('tcp-request') ? 'listener' : 'dialer';

/** Removes CRC, compression and compounds from the `decoded` form. */
export function leavesOf(node: Json): Json[] {
  if (node['type'] === 'hasCrc' || node['type'] === 'compress') return leavesOf(node['inner'] as Json);
  if (node['type'] === 'compound') return (node['parts'] as Json[]).flatMap(leavesOf);
  return [node];
}

/** Absent, nil, empty and zero mean the same on this wire. */
export function lean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => lean(one) ?? null);
  if (typeof value !== 'object' || value === null) return isZero(value) ? undefined : value;
  const entries = Object.entries(value)
    .map(([key, one]) => [key, lean(one)] as const)
    .filter(([, one]) => one !== undefined && !(Array.isArray(one) && one.length === 0));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

const isZero = (value: unknown): boolean =>
  value === null || value === undefined || value === '' || value === 0 || value === false;
