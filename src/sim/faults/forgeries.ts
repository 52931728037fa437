/** The forged messages of Byzantine senders: one lie of each type of message that members exchange. */
import { concatBytes, encodeUtf8, NO_BYTES } from '../../base/bytes.ts';
import type { Service } from '../../model/service.ts';
import { encodeDelta, encodeDeltaAnnounce, encodeDeltas } from '../../wire/catalog.ts';
import {
  Ack,
  Alive,
  Dead,
  encodeMessage,
  IndirectPing,
  MESSAGE_TYPE,
  Nack,
  Ping,
  PushNodeState,
  Suspect,
  type SwimMessage,
} from '../../wire/memberlist.ts';
import { JoinIntent, LeaveIntent, Query, QueryResponse, SerfState, UserEvent } from '../../wire/serf.ts';
import { encodePushPull, encodeStream } from '../../wire/stream-writer.ts';
import { type ForgeryContext, SERIES, type Series, seriesMessages } from './hostile-series.ts';

export type Forgery =
  | 'alive'
  | 'suspect'
  | 'dead'
  | 'leave'
  | 'leaveIntent'
  | 'maxIncarnation'
  | 'addressTheft'
  | 'flood'
  | 'manyNames'
  | 'rows'
  | 'joinIntent'
  | 'event'
  | 'query'
  | 'keyQuery'
  | 'response'
  | 'probes'
  | 'delta'
  | 'announcement'
  | 'deltas'
  | 'clocks'
  | Series;

/** All kinds of forgery. */
export const FORGERIES: readonly [Forgery, ...Forgery[]] = [
  ...(['alive', 'suspect', 'dead', 'leave', 'leaveIntent', 'maxIncarnation', 'addressTheft'] as const),
  ...(['flood', 'manyNames', 'rows', 'joinIntent', 'event', 'query', 'keyQuery', 'response'] as const),
  ...(['probes', 'delta', 'announcement', 'deltas', 'clocks'] as const),
  ...SERIES,
];

/** The largest incarnation that the wire can carry. */
export const WIRE_MAX_INCARNATION = 0xffff_ffff;
const ROWS = 100;
const NAMES = 100;
/** Prefix of invented names, which no host has. */
export const FAKE_NAME_PREFIX = 'ghost';
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
/** Lamport times, epochs and versions that are forged: a little ahead, far ahead, absurd. */
const LEAPS = [1, 1000, 2 ** 40] as const;
const MAX_OWN = 4;

type StreamForgery = 'rows' | 'deltas' | 'clocks';
const STREAM_FORGERIES: readonly Forgery[] = ['rows', 'deltas', 'clocks'];

export const isStreamForgery = (forgery: Forgery): forgery is StreamForgery =>
  STREAM_FORGERIES.includes(forgery);

export const isSeries = (forgery: Forgery): forgery is Series =>
  (SERIES as readonly string[]).includes(forgery);

/** A message of a stream. */
export function forgedStream(forgery: StreamForgery, context: ForgeryContext): Uint8Array {
  const { rng, victim } = context;
  if (forgery === 'deltas')
    return encodeStream({ kind: 'user', body: encodeDeltas([forgedDelta(context)]).slice() });
  if (forgery === 'clocks') {
    const leap = (): number => LEAPS[rng.int(LEAPS.length)] as number;
    const state = SerfState.create({
      ...{ ltime: leap(), eventLTime: leap(), queryLTime: leap() },
      statusLTimes: new Map([[victim.name, leap()]]),
      leftMembers: rng.int(2) === 0 ? [victim.name] : [],
    });
    const userState = SerfState.encode(state).slice();
    return encodePushPull({ kind: 'pushPull', join: rng.int(2) === 0, nodes: [], userState });
  }
  const nodes = Array.from({ length: ROWS }, () => {
    const { address } = victim;
    const name = rng.int(10) === 0 ? victim.name : `${FAKE_NAME_PREFIX}${rng.int(NAMES)}`;
    const row = { name, addr: address.ip, port: address.port, meta: NO_BYTES, vsn: VSN };
    return PushNodeState.create({ ...row, incarnation: 1 + rng.int(100), state: rng.int(5) });
  });
  return encodePushPull({ kind: 'pushPull', join: rng.int(2) === 0, nodes, userState: NO_BYTES });
}

/** Messages of a datagram. */
export function forgedMessages(
  forgery: Exclude<Forgery, StreamForgery>,
  context: ForgeryContext,
): Uint8Array[] {
  if (isSeries(forgery)) return seriesMessages(forgery, context);
  switch (forgery) {
    case 'joinIntent':
    case 'leaveIntent':
    case 'event':
    case 'query':
    case 'keyQuery':
    case 'response':
      return [userMessage(forgedSerf(forgery, context))];
    case 'delta':
      return [userMessage(encodeDelta(forgedDelta(context)))];
    case 'announcement': {
      const { owner, epoch, to } = forgedDelta(context);
      return [userMessage(encodeDeltaAnnounce({ owner, epoch, version: to }))];
    }
    default:
      return forgedSwim(forgery, context).map(encodeMessage);
  }
}

const userMessage = (body: Uint8Array): Uint8Array => concatBytes([Uint8Array.of(MESSAGE_TYPE.user), body]);

/** A service that the victim never had, at an epoch and a version that it may or may not have reached. */
function forgedDelta({ victim, rng }: ForgeryContext) {
  const version = 1 + rng.int(3) + (LEAPS[rng.int(LEAPS.length)] as number);
  const service: Service = {
    ...{ kind: 'service', id: `forged-${rng.int(MAX_OWN)}`, name: 'forged', tags: [], address: '', port: 1 },
    ...{ taggedAddresses: new Map(), meta: new Map(), ports: [], weights: { passing: 1, warning: 1 } },
    ...{ enableTagOverride: false, draining: false },
  };
  const value = rng.int(3) === 0 ? undefined : service;
  const entries = [{ key: `s:${service.id}` as const, version, value }];
  // The wall clock of a world begins in 2026, and epochs count from it; some are of today, and some never come.
  const epoch =
    rng.int(3) === 0 ? (victim.disk.snapshot?.epoch ?? 1) : 1_790_000_000_000 * (1 + rng.int(2000));
  return {
    owner: victim.name,
    epoch,
    from: rng.int(2) === 0 ? 0 : version - 1,
    to: version,
    swept: 0,
    entries,
  };
}

function forgedSerf(
  forgery: 'joinIntent' | 'leaveIntent' | 'event' | 'query' | 'keyQuery' | 'response',
  { victim: { name, address }, rng }: ForgeryContext,
): Uint8Array {
  const ltime = rng.int(2) === 0 ? rng.int(2 ** 20) : (LEAPS[rng.int(LEAPS.length)] as number);
  const id = rng.int(2 ** 31);
  switch (forgery) {
    case 'joinIntent':
      return JoinIntent.encode({ ltime, node: name });
    case 'leaveIntent':
      return LeaveIntent.encode({ ltime, node: name, prune: rng.int(2) === 0 });
    case 'event':
      return UserEvent.encode({ ltime, name: `forged-${id}`, payload: NO_BYTES, cc: rng.int(2) === 0 });
    case 'response':
      return QueryResponse.encode({
        ltime,
        id,
        from: name,
        flags: rng.int(2),
        payload: encodeUtf8('forged'),
      });
    case 'query':
    case 'keyQuery': {
      const asked = forgery === 'query' ? `forged-${id}` : KEY_QUERIES[rng.int(KEY_QUERIES.length)];
      const source = { addr: address.ip, port: address.port, sourceNode: name };
      const query = {
        ltime,
        id,
        ...source,
        flags: rng.int(4),
        relayFactor: rng.int(4),
        timeout: 1e9 * rng.int(20),
      };
      return Query.encode(Query.create({ ...query, name: asked ?? '', payload: encodeUtf8('nonsense') }));
    }
  }
}

/** Internal queries with a body that is none: a key holder may change keys, so only those that must fail are a lie. */
const KEY_QUERIES = [
  '_serf_use-key',
  '_serf_remove-key',
  '_serf_install-key',
  '_serf_conflict',
  '_serf_ping',
] as const;

function forgedSwim(
  forgery: Exclude<Forgery, StreamForgery | Series>,
  { victim, to, from, rng }: ForgeryContext,
): SwimMessage[] {
  const { name, address } = victim;
  const { incarnation: current, serf } = victim.runningAgent.view.self();
  const { meta } = serf.member.identity;
  const alive = (over: Partial<Alive>): Alive =>
    Alive.create({
      incarnation: current + 1,
      node: name,
      addr: address.ip,
      port: address.port,
      meta,
      vsn: VSN,
      ...over,
    });
  switch (forgery) {
    case 'alive':
      return [alive({ incarnation: current + rng.int(1000), meta: NO_BYTES })];
    case 'suspect':
      return [Suspect.create({ incarnation: current + rng.int(3), node: name, from: to.name })];
    case 'dead':
      return [Dead.create({ incarnation: current + rng.int(3), node: name, from: to.name })];
    case 'leave':
      return [Dead.create({ incarnation: current + rng.int(3), node: name, from: name })];
    case 'maxIncarnation': {
      const incarnation = rng.int(2) === 0 ? WIRE_MAX_INCARNATION : WIRE_MAX_INCARNATION - rng.int(2 ** 31);
      return [
        rng.int(2) === 0 ? Dead.create({ incarnation, node: name, from: 'x' }) : alive({ incarnation }),
      ];
    }
    case 'addressTheft':
      // The victim leaves, and its name appears at another address.
      return [
        Dead.create({ incarnation: current, node: name, from: name }),
        alive({ addr: from.ip, port: from.port }),
      ];
    case 'flood':
      return [Suspect.create({ incarnation: current, node: name, from: `x${rng.int(NAMES)}` })];
    case 'probes': {
      const seqNo = rng.int(2 ** 8);
      const source = { sourceAddr: address.ip, sourcePort: address.port, sourceNode: name };
      return [
        Ack.create({ seqNo, payload: NO_BYTES }),
        Nack.create({ seqNo }),
        Ping.create({ seqNo, node: to.name, ...source }),
        IndirectPing.create({
          seqNo,
          target: address.ip,
          port: address.port,
          node: name,
          nack: true,
          ...source,
        }),
      ];
    }
    default:
      return Array.from({ length: 20 }, () =>
        alive({ node: `${FAKE_NAME_PREFIX}${rng.int(NAMES)}`, incarnation: 1 }),
      );
  }
}
