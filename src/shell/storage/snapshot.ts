/**
 * Encodes and decodes the files of the data directory: the snapshot and the catalog. Each is checksummed (SHA-256), so
 * that a damaged file is refused as a whole.
 */
import { createHash } from 'node:crypto';
import { Packr, Unpackr } from 'msgpackr/pack';
import * as v from 'valibot';
import type { Snapshot } from '../../agent/contract/machine.ts';
import { concatBytes, encodeUtf8, sameBytes } from '../../base/bytes.ts';
import type { JobDefinition } from '../../model/job.ts';
import { definitionProblem } from '../../model/job-limits.ts';

/** A file is `magic`, which names its format and version, the SHA-256 of the body, and the body. */
interface FileFormat {
  readonly what: string;
  readonly magic: Uint8Array;
}
/** The body is msgpack. */
const SNAPSHOT_FORMAT: FileFormat = { what: 'snapshot', magic: encodeUtf8('hearsay-snapshot-1\n') };
/** The body is the catalog's own format, with a version of its own. */
const CATALOG_FORMAT: FileFormat = { what: 'catalog', magic: encodeUtf8('hearsay-catalog-1\n') };
const DIGEST_BYTES = 32;

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

/** Returns the snapshot, or a clause that says what is wrong with the bytes. */
export function decodeSnapshotFile(bytes: Uint8Array): Snapshot | string {
  const body = decodeFile(SNAPSHOT_FORMAT, bytes);
  if (typeof body === 'string') return body;
  let value: unknown;
  try {
    value = unpackr.unpack(body);
  } catch {
    return 'the contents cannot be read';
  }
  const parsed = v.safeParse(SnapshotSchema, value);
  return parsed.success ? parsed.output : `unexpected contents: ${parsed.issues[0].message}`;
}

/** Encodes the bytes of a `saveCatalog` effect. */
export const encodeCatalogFile = (bytes: Uint8Array): Uint8Array => encodeFile(CATALOG_FORMAT, bytes);

/** Returns the bytes that were saved, or a clause that says what is wrong. The agent decodes them. */
export const decodeCatalogFile = (bytes: Uint8Array): Uint8Array | string =>
  decodeFile(CATALOG_FORMAT, bytes);

const encodeFile = ({ magic }: FileFormat, body: Uint8Array): Uint8Array =>
  concatBytes([magic, digest(body), body]);

function decodeFile({ what, magic }: FileFormat, bytes: Uint8Array): Uint8Array | string {
  const bodyAt = magic.length + DIGEST_BYTES;
  if (bytes.length < bodyAt) return 'the file is cut short';
  if (!sameBytes(bytes.subarray(0, magic.length), magic)) return `it is not a ${what} of this version`;
  const body = bytes.subarray(bodyAt);
  return sameBytes(bytes.subarray(magic.length, bodyAt), digest(body)) ? body : 'the checksum does not match';
}

const digest = (body: Uint8Array): Uint8Array => createHash('sha256').update(body).digest();

const CountSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const RegisteredSchema = v.looseObject({
  services: v.array(v.string()),
  checks: v.array(v.string()),
  states: v.array(
    v.looseObject({
      check: v.string(),
      status: v.picklist(['passing', 'warning', 'critical']),
      output: v.string(),
      ttlLeft: v.pipe(v.number(), v.minValue(0)),
      criticalFor: v.exactOptional(v.pipe(v.number(), v.minValue(0))),
    }),
  ),
  maintenance: v.array(v.looseObject({ service: v.string(), reason: v.string() })),
  draining: v.array(v.string()),
  leases: v.exactOptional(
    v.array(
      v.looseObject({
        id: v.string(),
        grace: v.pipe(v.number(), v.minValue(0)),
        services: v.array(v.string()),
        reason: v.string(),
      }),
    ),
  ),
});

const PairsSchema = v.array(v.tuple([v.string(), v.string()]));

const ExternalNodeSchema = v.looseObject({
  name: v.string(),
  address: v.string(),
  taggedAddresses: PairsSchema,
  meta: PairsSchema,
  id: v.string(),
  registeredAt: CountSchema,
  removed: v.exactOptional(v.boolean()),
  registered: RegisteredSchema,
});

const JobRunSchema = v.looseObject({
  ...{ tick: CountSchema, attempt: CountSchema, claimedAt: CountSchema, startedAt: CountSchema },
  ...{ endedAt: CountSchema, exit: v.pipe(v.number(), v.safeInteger()), token: CountSchema },
  state: v.picklist(['claimed', 'running', 'waiting', 'succeeded', 'failed', 'timedOut', 'lost', 'skipped']),
});
/** A definition has the limits of one that a peer publishes. */
const JobsSchema = v.looseObject({
  definitions: v.array(v.custom<JobDefinition>((value) => isDefinition(value))),
  orders: v.array(
    v.tuple([v.string(), v.looseObject({ paused: v.boolean(), pausedAt: CountSchema, runAt: CountSchema })]),
  ),
  runs: v.array(v.tuple([v.string(), v.looseObject({ runs: v.array(JobRunSchema), output: v.string() })])),
  checkedTo: v.array(v.tuple([v.string(), v.number()])),
});

function isDefinition(value: unknown): boolean {
  try {
    return definitionProblem(value as JobDefinition) === undefined;
  } catch {
    return false;
  }
}

/** Loose: fields of a later version are kept. */
const SnapshotSchema: v.GenericSchema<unknown, Snapshot> = v.looseObject({
  incarnation: v.pipe(CountSchema, v.maxValue(0xffff_ffff)),
  clocks: v.looseObject({ member: CountSchema, event: CountSchema, query: CountSchema }),
  peers: v.array(v.looseObject({ name: v.string(), addr: v.string(), down: v.exactOptional(v.boolean()) })),
  left: v.exactOptional(v.boolean()),
  registered: v.exactOptional(RegisteredSchema),
  external: v.exactOptional(v.array(ExternalNodeSchema)),
  jobs: v.exactOptional(JobsSchema),
  tags: v.exactOptional(v.looseObject({ configured: PairsSchema, current: PairsSchema })),
  epoch: v.exactOptional(CountSchema),
  at: v.exactOptional(v.pipe(v.number(), v.finite())),
});
