/** How each kind of fact travels as a row of a witness report. What an observer has not seen itself is not packed. */
import type { Millis } from '../../base/time.ts';
import type {
  AccusationReason,
  ClosedReason,
  MemberState,
  ProbeReason,
  PushPullReason,
  StreamFailure,
} from '../../swim/types.ts';
import type { WitnessReportRow } from '../../wire/witness-report.ts';
import type { EvidenceFact, EvidenceKind } from '../contract/evidence.ts';

export type RowFields = Pick<WitnessReportRow, 'numbers' | 'texts'>;
export type Of<K extends EvidenceKind> = Extract<EvidenceFact, { kind: K }>;

/** The observer, the member it reports on, and when the fact happened. */
export interface ReportContext {
  readonly from: string;
  readonly about: string;
  readonly at: Millis;
}

/** How one kind of fact is encoded. Numbers on the wire never change their meaning. */
export interface FactCodec<K extends EvidenceKind> {
  readonly number: number;
  /** Facts of the lowest rank are left out first. */
  readonly rank: number;
  /**
   * `context`: reported beside others only. `heard`: an accusation that the observer has from another agent, of which the
   * latest is reported: so it is known to have held the member as down.
   */
  readonly scope?: 'context' | 'heard';
  /** `undefined`: `from` has not seen it itself. */
  pack(fact: Of<K>, context: ReportContext): RowFields | undefined;
  /** `undefined`: the row is not plausible. */
  read(fields: RowFields, context: ReportContext): Of<K> | undefined;
}

const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];
const NOTHING: RowFields = { numbers: [], texts: [] };

/** By their number, counted from 1; 0: no stream ping failed. */
const FAILURES: readonly StreamFailure[] = ['refused', 'unreachable', 'timeout', 'unanswered', 'closed'];

const packFailure = (failure: StreamFailure | undefined): number =>
  failure === undefined ? 0 : 1 + FAILURES.indexOf(failure);

const readFailure = (number: number): { readonly streamFailure?: StreamFailure } => {
  const failure = FAILURES[number - 1];
  return failure === undefined ? {} : { streamFailure: failure };
};

/** A failed probe: seven numbers, and the helpers. */
const packProbe = ({
  seqNo,
  durationMs,
  nacks,
  stream,
  streamFailure,
  awareness,
  latenessMs,
  helpers,
}: ProbeReason): RowFields => ({
  numbers: [seqNo, durationMs, nacks, stream ? 1 : 0, awareness, latenessMs, packFailure(streamFailure)],
  texts: helpers,
});

const readProbe = ({ numbers, texts }: RowFields): ProbeReason => {
  const [seqNo = 0, durationMs = 0, nacks = 0, stream = 0, awareness = 0, latenessMs = 0, failure = 0] =
    numbers;
  return {
    ...{ kind: 'probe', seqNo, durationMs, helpers: texts, nacks: Math.min(nacks, texts.length) },
    ...{ stream: stream > 0, awareness, latenessMs },
    ...readFailure(failure),
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
  if (reason.kind === 'closed')
    return { numbers: [...head, CLOSED, reason.refusals, reason.durationMs], texts: reason.accusers };
  if (reason.kind === 'pushPull')
    return { numbers: [...head, 1 + STATES.indexOf(reason.state)], texts: [reason.source] };
  if (reason.kind !== 'probe') return undefined;
  const { numbers, texts } = packProbe(reason);
  return { numbers: [...head, 0, ...numbers], texts };
}

/** In place of a state: the observer's connection closed, and others were refused. */
const CLOSED = 1 + STATES.length;

function readReason(
  state: number,
  { numbers, texts }: RowFields,
): ProbeReason | PushPullReason | ClosedReason {
  const reported = STATES[state - 1];
  if (reported !== undefined) return { kind: 'pushPull', state: reported, source: texts[0] ?? '' };
  if (state !== CLOSED) return readProbe({ numbers, texts });
  const [refusals = 0, durationMs = 0] = numbers;
  return { kind: 'closed', accusers: texts, refusals, durationMs };
}

function readAccusation({ numbers, texts }: RowFields) {
  const [more = 0, span = 0, state = 0, ...rest] = numbers;
  return { more, span, reason: readReason(state, { numbers: rest, texts }) };
}

/** A death that the observer declared itself. Refusals follow the failure, which they explain to older agents. */
function packDeath(incarnation: number, reason: AccusationReason): RowFields | undefined {
  if (reason.kind === 'closed') {
    const { accusers, refusals, durationMs } = reason;
    return { numbers: [incarnation, durationMs, packFailure('refused'), refusals], texts: accusers };
  }
  if (reason.kind !== 'timeout') return undefined;
  return {
    numbers: [incarnation, reason.durationMs, packFailure(reason.streamFailure)],
    texts: reason.accusers,
  };
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
      by === from && !left ? packDeath(incarnation, reason) : undefined,
    read: (
      { numbers: [incarnation = 0, durationMs = 0, failure = 0, refusals = 0], texts: accusers },
      { from, about: node },
    ) => ({
      ...{ kind: 'memberDeclaredDead', node, by: from, incarnation, left: false },
      reason:
        refusals > 0
          ? { kind: 'closed', accusers, refusals, durationMs }
          : {
              ...{ kind: 'timeout', accusers, durationMs },
              cause: { kind: 'message', by: accusers[0] ?? from, source: '' },
              ...readFailure(failure),
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
    scope: 'context',
    pack: ({ latenessMs }) => ({ numbers: [latenessMs], texts: [] }),
    read: ({ numbers: [latenessMs = 0] }) => ({ kind: 'stalled', latenessMs }),
  },
  awarenessChanged: {
    number: 7,
    rank: 1,
    scope: 'context',
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
    scope: 'context',
    pack: ({ node }, { about }) => (node === about ? NOTHING : undefined),
    read: (_, { about: node }) => ({ kind: 'linkRestored', node }),
  },
  longDatagramsLost: {
    number: 22,
    rank: 5,
    pack: ({ node, bytes, limit }, { about }) =>
      node === about ? { numbers: [bytes, limit], texts: [] } : undefined,
    read: ({ numbers: [bytes = 0, limit = 0] }, { about: node }) => ({
      ...{ kind: 'longDatagramsLost', node, bytes, limit },
    }),
  },
  longDatagramsPass: {
    ...{ number: 23, rank: 5, scope: 'context' },
    pack: ({ node }, { about }) => (node === about ? NOTHING : undefined),
    read: (_, { about: node }) => ({ kind: 'longDatagramsPass', node }),
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
    rank: 8,
    pack: ({ previous, claimed }) => ({ numbers: [], texts: [previous, claimed] }),
    read: ({ texts: [previous = '', claimed = ''] }, { about: node }) => ({
      ...{ kind: 'nameReclaimed', node, previous, claimed },
    }),
  },
  suspicionCleared: {
    number: 15,
    rank: 8,
    scope: 'context',
    pack: ({ incarnation, source }) => ({ numbers: [incarnation], texts: [source] }),
    read: ({ numbers: [incarnation = 0], texts: [source = ''] }, { about: node }) => ({
      ...{ kind: 'suspicionCleared', node, incarnation, source },
    }),
  },
  memberReturned: {
    number: 16,
    rank: 8,
    scope: 'context',
    pack: ({ incarnation, source }) => ({ numbers: [incarnation], texts: [source] }),
    read: ({ numbers: [incarnation = 0], texts: [source = ''] }, { about: node }) => ({
      ...{ kind: 'memberReturned', node, incarnation, source },
    }),
  },
  agentStarted: {
    number: 17,
    rank: 9,
    scope: 'context',
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
  memberDiscovered: {
    number: 18,
    rank: 8,
    scope: 'context',
    pack: ({ address }) => ({ numbers: [], texts: [address] }),
    read: ({ texts: [address = ''] }, { about: node }) => ({ kind: 'memberDiscovered', node, address }),
  },
  memberDropped: {
    number: 19,
    rank: 2,
    scope: 'context',
    pack: ({ address }) => ({ numbers: [], texts: [address] }),
    read: ({ texts: [address = ''] }, { about: node }) => ({ kind: 'memberDropped', node, address }),
  },
};

const HEARD = { rank: 5, scope: 'heard' } as const;
const packHeard = (fact: Of<'memberSuspected' | 'memberDeclaredDead'>): RowFields | undefined =>
  fact.reason.kind === 'message'
    ? { numbers: [fact.incarnation], texts: [fact.by, fact.reason.source] }
    : undefined;

/** Accusations that the observer has from another agent. */
const HEARD_CODECS: { readonly [K in 'memberSuspected' | 'memberDeclaredDead']: FactCodec<K> } = {
  memberSuspected: {
    ...{ ...HEARD, number: 20, pack: packHeard },
    read: ({ numbers: [incarnation = 0], texts: [by = '', source = ''] }, { about: node, at }) => ({
      ...{ kind: 'memberSuspected', node, by, incarnation, deadline: at },
      reason: { kind: 'message', by, source },
    }),
  },
  memberDeclaredDead: {
    ...{ ...HEARD, number: 21 },
    pack: (fact) => (fact.left ? undefined : packHeard(fact)),
    read: ({ numbers: [incarnation = 0], texts: [by = '', source = ''] }, { about: node }) => ({
      ...{ kind: 'memberDeclaredDead', node, by, incarnation, left: false },
      reason: { kind: 'message', by, source },
    }),
  },
};

type AnyCodec = FactCodec<EvidenceKind>;

/** The codecs of a kind of fact; the first that packs it is used. */
export const codecsFor = (kind: EvidenceKind): readonly AnyCodec[] =>
  [
    FACT_CODECS[kind],
    kind in HEARD_CODECS ? HEARD_CODECS[kind as keyof typeof HEARD_CODECS] : undefined,
  ].filter((codec) => codec !== undefined) as readonly AnyCodec[];

/** By their numbers on the wire. */
export const CODECS_BY_NUMBER: ReadonlyMap<number, AnyCodec> = new Map(
  (Object.keys(FACT_CODECS) as EvidenceKind[]).flatMap(codecsFor).map((codec) => [codec.number, codec]),
);
