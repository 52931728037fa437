/**
 * Serf: passes member events of swim, messages of peers and commands of the operator to the part that handles them:
 * membership, user events, queries, coordinates, push/pull state.
 */
import type { Address } from '../base/address.ts';
import { copyBytes, NO_BYTES } from '../base/bytes.ts';
import { Deadlines } from '../base/deadlines.ts';
import { AgentError, WireError } from '../base/errors.ts';
import type { Rng } from '../base/rng.ts';
import { finish, type InTurns, type Millis, type Turn, unlimitedTurn } from '../base/time.ts';
import { Timers } from '../base/timers.ts';
import type { SerfConfig } from '../config/protocol.ts';
import type { BroadcastQueue } from '../swim/broadcasts.ts';
import type { MemberEvent } from '../swim/types.ts';
import type { Keyring } from '../wire/keyring.ts';
import { decodeSerf, type SerfState } from '../wire/serf.ts';
import { Clocks } from './clocks.ts';
import { Coordinates } from './coordinates.ts';
import { type EventFilterCheck, MAX_EVENT_BYTES, toReceivedUserEvent, UserEventBuffer } from './events.ts';
import type { LamportTimes } from './lamport.ts';
import { type Intent, MAX_INTENT_BYTES } from './membership/intents.ts';
import { type BroadcastHandle, Membership } from './membership/membership.ts';
import { pruneLanes, QUEUE_CHECK_INTERVAL, reconnectCandidate } from './membership/reaper.ts';
import { NameConflictVote } from './name-conflict-vote.ts';
import { type ExchangedParts, encodeLocalState, mergeState, readState } from './push-pull-state.ts';
import type { InternalQueryHandler } from './queries/internal.ts';
import { KeyQueryHandler } from './queries/keys.ts';
import { Queries } from './queries/queries.ts';
import { checkSize, createSourceLimiter } from './source-limit.ts';
import type {
  PendingQuery,
  QueryDefinition,
  QueryId,
  QueryReport,
  ReceivedUserEvent,
  SerfEffect,
  SerfView,
  UserEventDefinition,
} from './types.ts';

export interface SerfOptions {
  readonly name: string;
  /** Where responses to our queries are sent; it may change. */
  readonly address: () => Address;
  /** Does swim hold a row, of any state, with this address? */
  readonly isAddressOfMember: (at: Address) => boolean;
  readonly config: SerfConfig;
  readonly gossipInterval: Millis;
  readonly keyring: Keyring;
  /** Does the agent store changed keys on disk? */
  readonly persistsKeys: boolean;
  /** Answers the internal queries of the layers above. */
  readonly handleInternalQuery?: InternalQueryHandler;
  /** Whether an event that is for some agents only is for this one. */
  readonly isEventForHere?: EventFilterCheck;
  readonly rng: Rng;
  readonly now: Millis;
  /** Queues of Serf messages, without memberlist's type octet 8: the agent core prepends it. */
  readonly lanes: {
    readonly intents: BroadcastQueue;
    readonly queries: BroadcastQueue;
    readonly events: BroadcastQueue;
  };
  /** `Serf.clocks` of an earlier boot: they go on from there, and earlier events and queries are ignored. */
  readonly clocks?: LamportTimes;
}

type Timer = 'reap' | 'reconnect' | 'queues';

export class Serf {
  readonly coordinates: Coordinates;
  readonly #options: SerfOptions;
  readonly #membership: Membership;
  readonly #events: UserEventBuffer;
  readonly #queries: Queries;
  readonly #keys: KeyQueryHandler;
  readonly #nameConflictVote: NameConflictVote;
  readonly #clocks: Clocks;
  readonly exchangedParts: ExchangedParts;
  readonly #sourceLimiter = createSourceLimiter();
  readonly #timers = new Timers<Timer>();
  readonly #deadlines = new Deadlines();

  constructor(options: SerfOptions) {
    const { name: self, address, config, lanes, clocks, now, gossipInterval } = options;
    this.#options = options;
    this.coordinates = new Coordinates(options.rng.fork());
    this.#membership = new Membership({
      self,
      config,
      intents: lanes.intents,
      coordinates: this.coordinates,
    });
    this.#events = new UserEventBuffer(config.eventBuffer, options.isEventForHere);
    this.#keys = new KeyQueryHandler(options.keyring, options.persistsKeys);
    this.#queries = new Queries({
      ...{ self, address, isAddressOfMember: options.isAddressOfMember, gossipInterval },
      statuses: this.#membership.statuses,
      rng: options.rng,
      ...{ buffer: config.eventBuffer, limits: config },
      keys: this.#keys,
      handleInternalQuery: options.handleInternalQuery ?? (() => false),
    });
    this.#nameConflictVote = new NameConflictVote(self, address, this.#membership.statuses);
    const parts = { member: this.#membership, event: this.#events, query: this.#queries };
    this.#clocks = new Clocks(parts, this.#membership.statuses, self, options.rng);
    this.exchangedParts = { membership: this.#membership, events: this.#events, clocks: this.#clocks };
    if (clocks !== undefined) this.#clocks.restore(clocks);
    this.#timers.set('reap', now + config.reapInterval);
    this.#timers.set('reconnect', now + config.reconnectInterval);
    this.#timers.set('queues', now + QUEUE_CHECK_INTERVAL);
    this.#deadlines.add(() => this.#timers.deadline);
    this.#deadlines.add(() => this.#membership.deadline);
    this.#deadlines.add(() => this.#queries.deadline);
    this.#deadlines.add(() => this.#nameConflictVote.deadline);
  }

  get view(): SerfView {
    return this.#membership.statuses;
  }

  /** Whose our name is, where another node claims it. */
  get nameConflictVote(): Pick<NameConflictVote, 'isAsking' | 'onHolder'> {
    return this.#nameConflictVote;
  }

  /** Failed members, told to a peer and learned from one. */
  get membership(): Pick<Membership, 'failedMembers' | 'learnFailed'> {
    return this.#membership;
  }

  get clocks(): LamportTimes {
    return this.#clocks.times;
  }

  get deadline(): Millis {
    return this.#deadlines.earliest;
  }

  /** User events received lately, oldest first. */
  get recentEvents(): readonly ReceivedUserEvent[] {
    return this.#events.recent;
  }

  /** Queries of other members that wait for a response of a program here. */
  get pendingQueries(): readonly PendingQuery[] {
    return this.#queries.pending;
  }

  /** How long a query waits for responses by default. */
  get defaultQueryTimeout(): Millis {
    return this.#queries.defaultTimeout;
  }

  /** The report of a query of ours, until a minute after its end. */
  queryReport(id: QueryId): QueryReport | undefined {
    return this.#queries.report(id);
  }

  /** Handles an event of swim. The event about this agent's own member must come before anything else. */
  handleMemberEvent(event: MemberEvent, now: Millis, out: SerfEffect[]): void {
    this.#membership.handleMemberEvent(event, now, out);
    const { name, config } = this.#options;
    if (config.nameVote && event.kind === 'nameConflict' && event.member.identity.name === name)
      this.#nameConflictVote.onConflict(event.other, now, (definition) => this.query(definition, now, out));
  }

  /**
   * Handles the body of a user message, Serf's type octet first. New messages are broadcast with exactly the octets
   * received. `from` is the peer that delivered it. Throws `WireError` if it is malformed or not a type of Serf; then
   * nothing changed.
   */
  receive(body: Uint8Array, now: Millis, out: SerfEffect[], from = ''): void {
    if (body.length === 0) return; // Serf ignores it too
    const message = decodeSerf(body);
    const { events, queries } = this.#options.lanes;
    switch (message.kind) {
      case 'joinIntent':
      case 'leaveIntent':
        return this.#handleIntent(message, body, now, out, from);
      case 'userEvent':
        checkSize(body, MAX_EVENT_BYTES);
        if (!this.#clocks.accept('event', message.ltime, now, out, from)) return;
        if (
          this.#events.handleUserEvent(toReceivedUserEvent(message), out, () =>
            this.#canAccept(from, now, out),
          )
        )
          events.enqueue(copyBytes(body));
        return;
      case 'query':
        checkSize(body, MAX_EVENT_BYTES);
        if (!this.#clocks.accept('query', message.ltime, now, out, from)) return;
        if (this.#queries.handleQuery(message, now, out, () => this.#canAccept(from, now, out), from))
          queries.enqueue(copyBytes(body));
        return;
      case 'queryResponse':
        this.#queries.handleResponse(message, now, out, from);
        return this.#countVotes(now, out);
      case 'relay':
        return this.#queries.relay(message, out);
      case 'unknown':
        throw new WireError('unknownType', `Serf message type ${message.type}`);
    }
  }

  /** Serf's part of a push/pull: type octet and body. */
  localState(options: Parameters<typeof encodeLocalState>[1] = {}): Uint8Array {
    return encodeLocalState(this.exchangedParts, options);
  }

  /**
   * Merges Serf's part of a peer's push/pull, which may be empty, after swim has merged the members. `join`: we dialed in
   * order to join, so earlier events are ignored. `host`: that of the peer, if we dialed. Returns the catalog summary in it,
   * as a view. Throws `WireError`; then nothing changed.
   */
  mergeRemoteState(
    userState: Uint8Array,
    join: boolean,
    now: Millis,
    out: SerfEffect[],
    host?: string,
  ): Uint8Array {
    const state = readState(userState);
    if (state === undefined) return NO_BYTES;
    finish(this.mergeStateInTurns(state, join, unlimitedTurn(now), out, host));
    return state.summary;
  }

  /** The same with a decoded state, in turns. */
  mergeStateInTurns(
    state: SerfState,
    join: boolean,
    turn: Turn,
    out: SerfEffect[],
    host: string | undefined,
  ): InTurns<void> {
    return mergeState(state, { ...this.exchangedParts, host }, join, turn, out);
  }

  /** Broadcasts a join intent, once a seed has answered and our clock has witnessed its clock. */
  broadcastJoin(now: Millis, out: SerfEffect[]): void {
    if (!this.#membership.leaving) this.#membership.broadcastJoin(now, out);
  }

  /** Broadcasts a leave intent. The handle is finished at once if no other member is alive. */
  leave(now: Millis, out: SerfEffect[]): BroadcastHandle {
    return this.#membership.leave(now, out);
  }

  /**
   * Force-leave by an operator: a failed member becomes left on all members, and with `prune` it is erased as well. A
   * member that is alive refutes it. Throws `AgentError`; then nothing changed.
   */
  forceLeave(node: string, prune: boolean, now: Millis, out: SerfEffect[]): void {
    if (this.view.get(node) === undefined)
      throw new AgentError('notFound', `there is no member ${node}: see the list of members`);
    if (node === this.#options.name)
      throw new AgentError('conflict', `${node} is this agent itself: use leave instead`);
    this.#membership.broadcastLeave(node, prune, now, out);
  }

  /** Fires a user event. Throws `AgentError`; then nothing changed. */
  fire(fired: UserEventDefinition, out: SerfEffect[]): ReceivedUserEvent {
    const { lanes, config } = this.#options;
    const { event, body } = this.#events.fire(fired, config.eventBytes, out);
    lanes.events.enqueue(body);
    return event;
  }

  /**
   * Sends a query to all members, this agent included; `isComplete` may end it early. `queryUpdated` effects bring the
   * acks and responses. Throws `AgentError`; then nothing changed.
   */
  query(
    definition: QueryDefinition,
    now: Millis,
    out: SerfEffect[],
    isComplete?: (report: QueryReport) => boolean,
  ): QueryReport {
    const { body, report } = this.#queries.query(definition, now, out, isComplete);
    if (definition.direct !== true) this.#options.lanes.queries.enqueue(body);
    return this.queryReport(report.id) ?? report;
  }

  /** A program here responds to a query. Throws `AgentError`; then nothing changed. */
  respond(id: QueryId, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    this.#queries.respond(id, payload, now, out);
  }

  /** The keys of a `storeKeys` effect were stored, or storing them failed with `error`. */
  onKeysStored(ticket: number, error: string | undefined, now: Millis, out: SerfEffect[]): void {
    this.#keys.onStored(ticket, error, now, out);
  }

  tick(now: Millis, out: SerfEffect[]): void {
    this.#queries.tick(now, out);
    this.#countVotes(now, out);
    for (let due = this.#timers.pop(now); due !== undefined; due = this.#timers.pop(now))
      this.#onTimer(due, now, out);
    this.#membership.tick(now, out);
  }

  #onTimer(timer: Timer, now: Millis, out: SerfEffect[]): void {
    const { config, lanes } = this.#options;
    switch (timer) {
      case 'reap':
        this.#timers.set(timer, now + config.reapInterval);
        return this.#membership.reap(now, out);
      case 'reconnect':
        this.#timers.set(timer, now + config.reconnectInterval);
        return this.#reconnect(out);
      case 'queues':
        this.#timers.set(timer, now + QUEUE_CHECK_INTERVAL);
        for (const fact of pruneLanes(lanes, config.maxQueueDepth)) out.push({ kind: 'fact', fact });
        return;
    }
  }

  /** Is `from` within its rate limit for events and queries? */
  #canAccept(from: string, now: Millis, out: SerfEffect[]): boolean {
    const acquisition = this.#sourceLimiter.acquire(from, now);
    if (acquisition === 'exhausted') out.push({ kind: 'fact', fact: { kind: 'eventsRateLimited', from } });
    return acquisition === 'granted';
  }

  #reconnect(out: SerfEffect[]): void {
    if (this.#membership.leaving) return;
    const held = reconnectCandidate(this.#membership.statuses, this.#options.name, this.#options.rng);
    if (held === undefined) return;
    out.push({ kind: 'fact', fact: { kind: 'reconnectAttempted', node: held.name } });
    out.push({ kind: 'reconnect', name: held.name, to: held.member.identity.address });
  }

  /** A vote about our name may be due, or among the queries that have ended. */
  #countVotes(now: Millis, out: SerfEffect[]): void {
    this.#nameConflictVote.tick(now, out);
    for (const effect of [...out])
      if (effect.kind === 'queryUpdated') this.#nameConflictVote.countVotes(effect.report, now, out);
  }

  #handleIntent(intent: Intent, body: Uint8Array, now: Millis, out: SerfEffect[], from: string): void {
    checkSize(body, MAX_INTENT_BYTES);
    if (!this.#clocks.accept('member', intent.ltime, now, out, from)) return;
    if (this.#membership.handleIntent(intent, now, out))
      // Differs: it has a name, so a newer intent of a member replaces an older one in the queue.
      this.#options.lanes.intents.enqueue(copyBytes(body), intent.node);
  }
}
