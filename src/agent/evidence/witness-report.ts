/**
 * What an agent tells others about a member: only what it saw itself. In an answer nobody can put words into the mouth
 * of another: whose word it is, is who answers.
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

/** What a response costs besides its payload, with the longest name. */
const HEAD_BYTES = 200;
/** More never fit. */
const MAX_TRIED = 64;

type RowFields = Pick<WitnessReportRow, 'numbers' | 'texts'>;
type Of<K extends EvidenceKind> = Extract<EvidenceFact, { kind: K }>;

/** Who tells of whom, and when it was. */
interface ReportContext {
  readonly from: string;
  readonly about: string;
  readonly at: Millis;
}

/** How one kind of fact travels. Numbers on the wire never change their meaning. */
interface FactCodec<K extends EvidenceKind> {
  readonly number: number;
  /** What is left out first has the lowest. */
  readonly rank: number;
  /** `undefined`: it was not seen by `from` itself. */
  pack(fact: Of<K>, frame: ReportContext): RowFields | undefined;
  /** `undefined`: it makes no sense. */
  read(said: RowFields, frame: ReportContext): Of<K> | undefined;
}

const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];
const NOTHING: RowFields = { numbers: [], texts: [] };

/** Of a probe that failed: eight numbers, and who was asked. */
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
  const heard = Math.min(nacks, texts.length);
  return {
    ...{ kind: 'probe', seqNo, durationMs, helpers: texts, nacks: heard },
    ...{ stream: stream > 0, awareness, latenessMs },
  };
};

/** An accusation of the teller's own: by its probe, or by what a full exchange said. */
function packOwn(
  fact: Of<'memberSuspected' | 'suspicionConfirmed'>,
  frame: ReportContext,
  more: number,
): RowFields | undefined {
  const { reason, deadline } = fact;
  if (fact.by !== frame.from) return undefined;
  const head = [more, Math.max(0, deadline - frame.at)];
  if (reason.kind === 'pushPull')
    return { numbers: [...head, 1 + STATES.indexOf(reason.state)], texts: [reason.source] };
  if (reason.kind !== 'probe') return undefined;
  const { numbers, texts } = packProbe(reason);
  return { numbers: [...head, 0, ...numbers], texts };
}

function readOwn({ numbers, texts }: RowFields) {
  const [more = 0, span = 0, state = 0, ...rest] = numbers;
  const held = STATES[state - 1];
  const reason =
    held === undefined
      ? readProbe({ numbers: rest, texts })
      : ({ kind: 'pushPull', state: held, source: texts[0] ?? '' } as const);
  return { more, span, reason };
}

const FACT_CODECS: { readonly [K in EvidenceKind]?: FactCodec<K> } = {
  memberSuspected: {
    number: 1,
    rank: 9,
    pack: (fact, frame) => packOwn(fact, frame, fact.incarnation),
    read: (said, { from: by, about: node, at }) => {
      const { more: incarnation, span, reason } = readOwn(said);
      return { kind: 'memberSuspected', node, by, incarnation, deadline: at + span, reason };
    },
  },
  suspicionConfirmed: {
    number: 2,
    rank: 8,
    pack: (fact, frame) => packOwn(fact, frame, fact.confirmations),
    read: (said, { from: by, about: node, at }) => {
      const { more: confirmations, span, reason } = readOwn(said);
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

/** Kinds that are worth telling only beside others. */
const CONTEXT_KINDS: ReadonlySet<EvidenceKind> = new Set<EvidenceKind>([
  'agentStarted',
  'stalled',
  'awarenessChanged',
  'suspicionCleared',
  'memberReturned',
  'linkRestored',
]);

/** Likewise, as what finds them by a kind not known before. */
const codecFor = (kind: EvidenceKind): FactCodec<EvidenceKind> | undefined =>
  FACT_CODECS[kind] as FactCodec<EvidenceKind> | undefined;
const BY_NUMBER: ReadonlyMap<number, FactCodec<EvidenceKind>> = new Map(
  (Object.keys(FACT_CODECS) as EvidenceKind[]).map((kind) => {
    const form = codecFor(kind) as FactCodec<EvidenceKind>;
    return [form.number, form];
  }),
);

/**
 * What `self` saw of it, as the payload of an answer: when it was started, the most telling, and of that the latest,
 * that fits. No more than the first, if all else is how it was itself, or what everybody heard.
 */
export function buildWitnessReport(
  dossier: NodeEvidence | undefined,
  birth: EvidenceEntry | undefined,
  self: string,
  now: Millis,
): Uint8Array {
  const about = dossier?.node ?? '';
  const rowsOf = (exhibits: readonly EvidenceEntry[]) =>
    exhibits.flatMap((exhibit) => toRows(exhibit, { from: self, about, at: exhibit.at }, now));
  const rows = rowsOf((dossier?.entries ?? []).filter(({ fact }) => fact.kind !== 'agentStarted'))
    .sort((a, b) => b.rank - a.rank || a.row.lastAge - b.row.lastAge)
    .slice(0, MAX_TRIED);
  const isWitness = about === self || rows.some(({ witness }) => witness);
  const told = rowsOf(birth === undefined ? [] : [birth]).map(({ row }) => row);
  for (const { row } of isWitness ? rows : []) {
    told.push(row);
    if (encodeWitnessReport(told).length > MAX_RESPONSE_BYTES - HEAD_BYTES) told.pop();
  }
  return copyBytes(encodeWitnessReport(told.sort((a, b) => b.age - a.age)));
}

function toRows({ at, lastAt, count, fact }: EvidenceEntry, frame: ReportContext, now: Millis) {
  const form = codecFor(fact.kind);
  const said = form?.pack(fact as Of<EvidenceKind>, frame);
  if (form === undefined || said === undefined) return [];
  const whole = (value: number): number => Math.max(0, Math.round(value));
  const numbers = said.numbers.map(whole);
  const row = {
    kind: form.number,
    age: whole(now - at),
    lastAge: whole(now - lastAt),
    count,
    numbers,
    texts: said.texts,
  };
  return [{ rank: form.rank, witness: !CONTEXT_KINDS.has(fact.kind), row }];
}

/** What `from` answered about `about`, its times set to our clock; `undefined`: nobody can make sense of it. */
export function readWitnessReport(
  payload: Uint8Array,
  from: string,
  about: string,
  heardAt: Millis,
): readonly AttributedEntry[] | undefined {
  let rows: readonly WitnessReportRow[];
  try {
    rows = decodeWitnessReport(payload);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
  return rows.flatMap(({ kind, age, lastAge, count, numbers, texts }) => {
    const at = heardAt - age;
    const fact = BY_NUMBER.get(kind)?.read({ numbers, texts }, { from, about, at });
    return fact === undefined ? [] : [{ by: from, at, lastAt: heardAt - lastAge, count, fact }];
  });
}
