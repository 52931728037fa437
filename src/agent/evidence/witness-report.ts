/**
 * The witness report: what an agent saw itself of a member, as the payload of a query response. It names no observer:
 * that is the agent that sends it, so no report can speak for another agent.
 */
import { copyBytes } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { MAX_RESPONSE_BYTES } from '../../serf/queries/incoming.ts';
import type { MemberState, ProbeReason } from '../../swim/types.ts';
import {
  decodeWitnessReport,
  encodeWitnessReport,
  type WitnessReportRow,
} from '../../wire/witness-report.ts';
import type {
  AttributedEntry,
  EvidenceEntry,
  EvidenceFact,
  EvidenceKind,
  NodeEvidence,
} from '../contract/evidence.ts';

/** The bytes of a response besides its payload, with the longest name. */
const HEAD_BYTES = 200;
/** More rows than this never fit. */
const MAX_ROWS = 64;

type RowFields = Pick<WitnessReportRow, 'numbers' | 'texts'>;
type Of<K extends EvidenceKind> = Extract<EvidenceFact, { kind: K }>;

/** The observer, the member it reports on, and when the fact happened. */
interface ReportContext {
  readonly from: string;
  readonly about: string;
  readonly at: Millis;
}

/** How one kind of fact is encoded. Numbers on the wire never change their meaning. */
interface FactCodec<K extends EvidenceKind> {
  readonly number: number;
  /** Facts of the lowest rank are left out first. */
  readonly rank: number;
  /** `undefined`: `from` has not seen it itself. */
  pack(fact: Of<K>, context: ReportContext): RowFields | undefined;
  /** `undefined`: the row is not plausible. */
  read(fields: RowFields, context: ReportContext): Of<K> | undefined;
}

const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];
const NOTHING: RowFields = { numbers: [], texts: [] };

/** A failed probe: six numbers, and the helpers. */
const packProbe = ({
  seqNo,
  durationMs,
  nacks,
  stream,
  awareness,
  latenessMs,
  helpers,
}: ProbeReason): RowFields => ({
  numbers: [seqNo, durationMs, nacks, stream ? 1 : 0, awareness, latenessMs],
  texts: helpers,
});

const readProbe = ({ numbers, texts }: RowFields): ProbeReason => {
  const [seqNo = 0, durationMs = 0, nacks = 0, stream = 0, awareness = 0, latenessMs = 0] = numbers;
  return {
    ...{ kind: 'probe', seqNo, durationMs, helpers: texts, nacks: Math.min(nacks, texts.length) },
    ...{ stream: stream > 0, awareness, latenessMs },
  };
};

/** An accusation by the observer itself: because of its probe, or of a push/pull. */
function packAccusation(
  fact: Of<'memberSuspected' | 'suspicionConfirmed'>,
  context: ReportContext,
  more: number,
): RowFields | undefined {
  const { reason, deadline } = fact;
  if (fact.by !== context.from) return undefined;
  const head = [more, Math.max(0, deadline - context.at)];
  if (reason.kind === 'pushPull')
    return { numbers: [...head, 1 + STATES.indexOf(reason.state)], texts: [reason.source] };
  if (reason.kind !== 'probe') return undefined;
  const { numbers, texts } = packProbe(reason);
  return { numbers: [...head, 0, ...numbers], texts };
}

function readAccusation({ numbers, texts }: RowFields) {
  const [more = 0, span = 0, state = 0, ...rest] = numbers;
  const reported = STATES[state - 1];
  const reason =
    reported === undefined
      ? readProbe({ numbers: rest, texts })
      : ({ kind: 'pushPull', state: reported, source: texts[0] ?? '' } as const);
  return { more, span, reason };
}

const FACT_CODECS: { readonly [K in EvidenceKind]?: FactCodec<K> } = {
  memberSuspected: {
    number: 1,
    rank: 9,
    pack: (fact, context) => packAccusation(fact, context, fact.incarnation),
    read: (fields, { from: by, about: node, at }) => {
      const { more: incarnation, span, reason } = readAccusation(fields);
      return { kind: 'memberSuspected', node, by, incarnation, deadline: at + span, reason };
    },
  },
  suspicionConfirmed: {
    number: 2,
    rank: 8,
    pack: (fact, context) => packAccusation(fact, context, fact.confirmations),
    read: (fields, { from: by, about: node, at }) => {
      const { more: confirmations, span, reason } = readAccusation(fields);
      return { kind: 'suspicionConfirmed', node, by, confirmations, deadline: at + span, reason };
    },
  },
  probeFailed: {
    number: 3,
    rank: 3,
    pack: ({ awareness, reason }) => {
      const { numbers, texts } = packProbe(reason);
      return { numbers: [awareness, ...numbers], texts };
    },
    read: ({ numbers: [awareness = 0, ...numbers], texts }, { about: node }) => ({
      ...{ kind: 'probeFailed', node, awareness },
      reason: readProbe({ numbers, texts }),
    }),
  },
  memberDeclaredDead: {
    number: 4,
    rank: 9,
    pack: ({ by, left, incarnation, reason }, { from }) =>
      by === from && !left && reason.kind === 'timeout'
        ? { numbers: [incarnation, reason.durationMs], texts: reason.accusers }
        : undefined,
    read: ({ numbers: [incarnation = 0, durationMs = 0], texts: accusers }, { from, about: node }) => ({
      ...{ kind: 'memberDeclaredDead', node, by: from, incarnation, left: false },
      reason: {
        ...{ kind: 'timeout', accusers, durationMs },
        cause: { kind: 'message', by: accusers[0] ?? from, source: '' },
      },
    }),
  },
  suspicionRefuted: {
    number: 5,
    rank: 8,
    pack: ({ incarnation, by, source }) => ({ numbers: [incarnation], texts: [by, source] }),
    read: ({ numbers: [incarnation = 0], texts: [by = '', source = ''] }, { from, about }) =>
      from === about ? { kind: 'suspicionRefuted', incarnation, by, source } : undefined,
  },
  stalled: {
    number: 6,
    rank: 7,
    pack: ({ latenessMs }) => ({ numbers: [latenessMs], texts: [] }),
    read: ({ numbers: [latenessMs = 0] }) => ({ kind: 'stalled', latenessMs }),
  },
  awarenessChanged: {
    number: 7,
    rank: 1,
    pack: ({ awareness }) => ({ numbers: [awareness], texts: [] }),
    read: ({ numbers: [awareness = 0] }) => ({ kind: 'awarenessChanged', awareness }),
  },
  linkOneWay: {
    number: 8,
    rank: 6,
    pack: ({ node, rounds, by }, { about }) =>
      node === about ? { numbers: [rounds, by === 'stream' ? 1 : 0], texts: [] } : undefined,
    read: ({ numbers: [rounds = 0, stream = 0] }, { about: node }) => ({
      ...{ kind: 'linkOneWay', node, rounds },
      by: stream > 0 ? 'stream' : 'relay',
    }),
  },
  linkRestored: {
    number: 9,
    rank: 5,
    pack: ({ node }, { about }) => (node === about ? NOTHING : undefined),
    read: (_, { about: node }) => ({ kind: 'linkRestored', node }),
  },
  probeSavedByTcp: {
    number: 10,
    rank: 6,
    pack: () => NOTHING,
    read: (_, { about: node }) => ({ kind: 'probeSavedByTcp', node }),
  },
  accusationRateLimited: {
    number: 11,
    rank: 4,
    pack: ({ by, source }) => ({ numbers: [], texts: [by, source] }),
    read: ({ texts: [by = '', source = ''] }, { about: node }) => ({
      ...{ kind: 'accusationRateLimited', node, by, source },
    }),
  },
  nameConflict: {
    number: 12,
    rank: 4,
    pack: ({ current, claimed }) => ({ numbers: [], texts: [current, claimed] }),
    read: ({ texts: [current = '', claimed = ''] }, { about: node }) => ({
      ...{ kind: 'nameConflict', node, current, claimed },
    }),
  },
  nameReclaimed: {
    number: 13,
    rank: 4,
    pack: ({ previous, claimed }) => ({ numbers: [], texts: [previous, claimed] }),
    read: ({ texts: [previous = '', claimed = ''] }, { about: node }) => ({
      ...{ kind: 'nameReclaimed', node, previous, claimed },
    }),
  },
  suspicionCleared: {
    number: 15,
    rank: 2,
    pack: ({ incarnation, source }) => ({ numbers: [incarnation], texts: [source] }),
    read: ({ numbers: [incarnation = 0], texts: [source = ''] }, { about: node }) => ({
      ...{ kind: 'suspicionCleared', node, incarnation, source },
    }),
  },
  memberReturned: {
    number: 16,
    rank: 2,
    pack: ({ incarnation, source }) => ({ numbers: [incarnation], texts: [source] }),
    read: ({ numbers: [incarnation = 0], texts: [source = ''] }, { about: node }) => ({
      ...{ kind: 'memberReturned', node, incarnation, source },
    }),
  },
  agentStarted: {
    number: 17,
    rank: 9,
    pack: ({ address, encrypted }) => ({ numbers: [encrypted ? 1 : 0], texts: [address] }),
    read: ({ numbers: [encrypted = 0], texts: [address = ''] }, { from: node }) => ({
      ...{ kind: 'agentStarted', node, address, encrypted: encrypted > 0 },
    }),
  },
  memberUnverified: {
    number: 14,
    rank: 3,
    pack: ({ address }) => ({ numbers: [], texts: [address] }),
    read: ({ texts: [address = ''] }, { about: node }) => ({ kind: 'memberUnverified', node, address }),
  },
};

/** Kinds that are reported beside others only. */
const CONTEXT_KINDS: ReadonlySet<EvidenceKind> = new Set<EvidenceKind>([
  'agentStarted',
  'stalled',
  'awarenessChanged',
  'suspicionCleared',
  'memberReturned',
  'linkRestored',
]);

const codecFor = (kind: EvidenceKind): FactCodec<EvidenceKind> | undefined =>
  FACT_CODECS[kind] as FactCodec<EvidenceKind> | undefined;
const BY_NUMBER: ReadonlyMap<number, FactCodec<EvidenceKind>> = new Map(
  (Object.keys(FACT_CODECS) as EvidenceKind[]).map((kind) => {
    const codec = codecFor(kind) as FactCodec<EvidenceKind>;
    return [codec.number, codec];
  }),
);

/**
 * The report of `self`: its start, and of what it saw the facts of the highest rank, among these the latest, as many as
 * fit. It is the start alone if all evidence is context, or what other agents reported.
 */
export function buildWitnessReport(
  evidence: NodeEvidence | undefined,
  boot: EvidenceEntry | undefined,
  self: string,
  now: Millis,
): Uint8Array {
  const about = evidence?.node ?? '';
  const rowsOf = (entries: readonly EvidenceEntry[]) =>
    entries.flatMap((entry) => toRows(entry, { from: self, about, at: entry.at }, now));
  const candidates = rowsOf((evidence?.entries ?? []).filter(({ fact }) => fact.kind !== 'agentStarted'))
    .sort((a, b) => b.rank - a.rank || a.row.lastAge - b.row.lastAge)
    .slice(0, MAX_ROWS);
  const isWitness = about === self || candidates.some(({ isContext }) => !isContext);
  const rows = rowsOf(boot === undefined ? [] : [boot]).map(({ row }) => row);
  for (const { row } of isWitness ? candidates : []) {
    rows.push(row);
    if (encodeWitnessReport(rows).length > MAX_RESPONSE_BYTES - HEAD_BYTES) rows.pop();
  }
  return copyBytes(encodeWitnessReport(rows.sort((a, b) => b.age - a.age)));
}

function toRows({ at, lastAt, count, fact }: EvidenceEntry, context: ReportContext, now: Millis) {
  const codec = codecFor(fact.kind);
  const fields = codec?.pack(fact as Of<EvidenceKind>, context);
  if (codec === undefined || fields === undefined) return [];
  const row = {
    kind: codec.number,
    age: toWhole(now - at),
    lastAge: toWhole(now - lastAt),
    count,
    numbers: fields.numbers.map(toWhole),
    texts: fields.texts,
  };
  return [{ rank: codec.rank, isContext: CONTEXT_KINDS.has(fact.kind), row }];
}

const toWhole = (value: number): number => Math.max(0, Math.round(value));

/**
 * The report of `from` on `about`, received at `receivedAt`, with times on our clock; `undefined` if it cannot be
 * decoded.
 */
export function readWitnessReport(
  payload: Uint8Array,
  from: string,
  about: string,
  receivedAt: Millis,
): readonly AttributedEntry[] | undefined {
  let rows: readonly WitnessReportRow[];
  try {
    rows = decodeWitnessReport(payload);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
  return rows.flatMap(({ kind, age, lastAge, count, numbers, texts }) => {
    const at = receivedAt - age;
    const fact = BY_NUMBER.get(kind)?.read({ numbers, texts }, { from, about, at });
    return fact === undefined ? [] : [{ by: from, at, lastAt: receivedAt - lastAge, count, fact }];
  });
}
