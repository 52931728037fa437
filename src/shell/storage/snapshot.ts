/**
 * The snapshot, and what is remembered of others' services, as bytes of a file and back. Any damage, be it one bit, is
 * noticed: a file is whole or refused.
 */
import { createHash } from 'node:crypto';
import { Packr, Unpackr } from 'msgpackr/pack';
import * as v from 'valibot';
import type { Snapshot } from '../../agent/contract/machine.ts';
import { concatBytes, encodeUtf8, sameBytes } from '../../base/bytes.ts';

/** Says what the file is and which shape it has; then SHA-256 of the body, then the body. */
interface FileFormat {
  readonly what: string;
  readonly magic: Uint8Array;
}
/** The body is msgpack. */
const SNAPSHOT_FORMAT: FileFormat = { what: 'snapshot', magic: encodeUtf8('hearsay-snapshot-1\n') };
/** The body is the catalogue's own; it bears the version of its format itself. */
const CATALOG_FORMAT: FileFormat = { what: 'catalog', magic: encodeUtf8('hearsay-catalog-1\n') };
const DIGEST = 32;

const packr = new Packr({ useRecords: false, variableMapSize: true, encodeUndefinedAsNil: true });
const unpackr = new Unpackr({
  useRecords: false,
  structuredClone: false,
  mapsAsObjects: true,
  int64AsType: 'number',
});

export function encodeSnapshotFile(snapshot: Snapshot): Uint8Array {
  return encodeFile(SNAPSHOT_FORMAT, packr.pack(snapshot));
}

/** The snapshot, or a clause that says what is wrong with these bytes. */
export function decodeSnapshotFile(bytes: Uint8Array): Snapshot | string {
  const body = decodeFile(SNAPSHOT_FORMAT, bytes);
  if (typeof body === 'string') return body;
  let value: unknown;
  try {
    value = unpackr.unpack(body);
  } catch {
    return 'the contents cannot be read';
  }
  const checked = v.safeParse(SHAPE, value);
  return checked.success ? checked.output : `unexpected contents: ${checked.issues[0].message}`;
}

/** `bytes` are a `rememberCatalog` effect's. */
export const encodeCatalogFile = (bytes: Uint8Array): Uint8Array => encodeFile(CATALOG_FORMAT, bytes);

/** What `packCatalog` was given, or a clause that says what is wrong. Whether it makes sense is for the agent to say. */
export const decodeCatalogFile = (bytes: Uint8Array): Uint8Array | string =>
  decodeFile(CATALOG_FORMAT, bytes);

const encodeFile = ({ magic }: FileFormat, body: Uint8Array): Uint8Array =>
  concatBytes([magic, digest(body), body]);

function decodeFile({ what, magic }: FileFormat, bytes: Uint8Array): Uint8Array | string {
  const bodyAt = magic.length + DIGEST;
  if (bytes.length < bodyAt) return 'the file is cut short';
  if (!sameBytes(bytes.subarray(0, magic.length), magic)) return `it is not a ${what} of this version`;
  const body = bytes.subarray(bodyAt);
  return sameBytes(bytes.subarray(magic.length, bodyAt), digest(body)) ? body : 'the checksum does not match';
}

const digest = (body: Uint8Array): Uint8Array => createHash('sha256').update(body).digest();

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const REGISTERED = v.looseObject({
  services: v.array(v.string()),
  checks: v.array(v.string()),
  states: v.array(
    v.looseObject({
      check: v.string(),
      status: v.picklist(['passing', 'warning', 'critical']),
      output: v.string(),
      ttlLeft: v.pipe(v.number(), v.minValue(0)),
    }),
  ),
  maintenance: v.array(v.looseObject({ service: v.string(), reason: v.string() })),
  draining: v.array(v.string()),
});

/** Loose, so that what a later version adds is kept for it. */
const SHAPE: v.GenericSchema<unknown, Snapshot> = v.looseObject({
  incarnation: v.pipe(count, v.maxValue(0xffff_ffff)),
  clocks: v.looseObject({ member: count, event: count, query: count }),
  peers: v.array(v.looseObject({ name: v.string(), addr: v.string(), down: v.exactOptional(v.boolean()) })),
  registered: v.exactOptional(REGISTERED),
  epoch: v.exactOptional(count),
  at: v.exactOptional(v.pipe(v.number(), v.finite())),
});
