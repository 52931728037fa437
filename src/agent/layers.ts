/** Creates the layers below the agent core from its options, and the lanes that they share. */
import type { Millis } from '../base/time.ts';
import type { LocalView } from '../checks/types.ts';
import { hasCatalog } from '../model/capability.ts';
import type { InternalQueryHandler } from '../serf/queries/internal.ts';
import { Serf } from '../serf/serf.ts';
import { metaFromTags, tagsFromIdentity } from '../serf/tags.ts';
import { BroadcastQueue, retransmitLimit } from '../swim/broadcasts.ts';
import { firstIncarnation } from '../swim/precedence.ts';
import { Swim } from '../swim/swim.ts';
import { Keyring } from '../wire/keyring.ts';
import type { Envelope } from '../wire/packet.ts';
import type { Lane } from './contract/lane.ts';
import type { AgentOptions } from './contract/options.ts';
import { EvidenceLog } from './evidence/log.ts';
import { answerWitnessQuery } from './evidence/witness-query.ts';
import { evaluateEventFilter } from './operations/event-filters.ts';

/** As Serf agents advertise: memberlist's protocol 1 to 5, in use 2, and Serf's 2 to 5, in use `protocol`. */
const vsnOf = (protocol: number): Uint8Array => new Uint8Array([1, 5, 2, 2, 5, protocol]);

export interface Layers {
  readonly swim: Swim;
  readonly serf: Serf;
  /** In the order in which they fill packets. */
  readonly lanes: readonly Lane[];
  readonly envelope: Envelope;
  readonly keyring: Keyring;
  /** To be called once for each encrypted message: it also counts them. */
  readonly nonce: () => Uint8Array;
  readonly evidence: EvidenceLog;
}

/** Parts above the layers, which are asked once the agent is whole. */
export interface UpperParts {
  /** The services registered here, which events may be for. */
  readonly local: () => LocalView;
  /** Answers internal queries of its own at once. */
  readonly answerQuery: (name: string, payload: Uint8Array, now: Millis) => Uint8Array | undefined;
  /** Answers a query of other agents about what this one serves, when it does. */
  readonly handleServedQuery: InternalQueryHandler;
}

export function createLayers(
  options: AgentOptions,
  tags: ReadonlyMap<string, string>,
  upper?: UpperParts,
): Layers {
  const { swim: config, rng, snapshot, intern } = options;
  const { name, address } = options;
  const identity = { name, address, meta: metaFromTags(tags), vsn: vsnOf(options.serf.protocol) };
  const queues = {
    intents: new BroadcastQueue(),
    queries: new BroadcastQueue(),
    events: new BroadcastQueue(),
  };
  const keyring = new Keyring(options.keys);
  const evidence = new EvidenceLog(options.name, (name) => swim.members.get(name) !== undefined);
  const serf = new Serf({
    name: options.name,
    address: () => swim.members.self.identity.address,
    isAddressOfMember: (at) => swim.members.isAddressOfMember(at),
    config: options.serf,
    gossipInterval: config.gossipInterval,
    keyring,
    persistsKeys: options.persistsKeys === true,
    handleInternalQuery: (query, now, out) => {
      const { name, payload } = query;
      const answer =
        answerWitnessQuery(evidence, options.name, name, payload, now) ??
        upper?.answerQuery(name, payload, now);
      if (answer !== undefined) query.reply(answer, now, out);
      return answer !== undefined || upper?.handleServedQuery(query, now, out) === true;
    },
    ...(upper !== undefined && {
      isEventForHere: (filter) => evaluateEventFilter(filter, options.name, upper.local()),
    }),
    rng: rng.fork(),
    now: options.now,
    lanes: queues,
    ...(snapshot === undefined ? {} : { clocks: snapshot.clocks }),
  });
  const swim = new Swim({
    identity,
    incarnation: firstIncarnation(snapshot?.incarnation ?? 0),
    config,
    rng: rng.fork(),
    now: options.now,
    ackPayload: (held) => serf.coordinates.payloadFor(held),
    ...(upper !== undefined && {
      heldPayload: ({ identity: peer }) =>
        hasCatalog(tagsFromIdentity(peer)) ? serf.coordinates.heldHash(peer.name) : 0,
    }),
    droppedRetention: options.retention?.droppedMembers,
    hasBroadcasts: () => lanes.some((lane) => lane.queue.size > 0),
    hasBroadcastsFor: ({ identity: { address } }) => lanes.some((lane) => lane.queue.hasFor(address.key)),
    ...(intern === undefined ? {} : { intern }),
  });
  const swimLimit = (): number => retransmitLimit(config.retransmitMult, swim.members.size);
  const serfLimit = (): number => retransmitLimit(config.retransmitMult, serf.view.size);
  const audience = (): number => swim.audience;
  const lanes: Lane[] = [
    { name: 'membership', queue: swim.broadcasts, limit: swimLimit, audience, user: false },
    { name: 'intents', queue: queues.intents, limit: serfLimit, audience, user: true },
    { name: 'queries', queue: queues.queries, limit: serfLimit, audience, user: true },
    { name: 'events', queue: queues.events, limit: serfLimit, audience, user: true },
  ];
  const envelope: Envelope = {
    label: new TextEncoder().encode(options.label),
    get keys() {
      return keyring.keys;
    },
    verifyIncoming: true,
    encryptionVersion: 1,
    compress: config.compression,
  };
  const nonce = (): Uint8Array => {
    keyring.recordSeal();
    return options.nonce();
  };
  return { swim, serf, lanes, envelope, keyring, nonce, evidence };
}
