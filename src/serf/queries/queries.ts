/**
 * Queries: deduplicates those received and passes them on to incoming.ts, sends our own (outgoing.ts), and handles
 * responses.
 *
 * Source: serf serf.go, Query, handleQuery, handleQueryResponse; query.go, DefaultQueryTimeout; P53 (docs/protocol.md).
 */
import type { Address } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import { MAX_PATTERN_BYTES } from '../../base/pattern/parser.ts';
import { compilePattern } from '../../base/pattern/pattern.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { SerfConfig } from '../../config/protocol.ts';
import { encodeFilter } from '../../wire/filter.ts';
import { Query, type QueryResponse, type Relay } from '../../wire/serf.ts';
import { DedupBuffer } from '../dedup-buffer.ts';
import { LamportClock } from '../lamport.ts';
import type { Statuses } from '../membership/status.ts';
import type { PendingQuery, QueryDefinition, QueryId, QueryReport, SerfEffect } from '../types.ts';
import { evaluateFilters } from './filters.ts';
import { IncomingQueries } from './incoming.ts';
import { InternalQueries, type InternalQueryHandler } from './internal.ts';
import type { KeyQueryHandler } from './keys.ts';
import { INTERNAL_QUERY_PREFIX } from './names.ts';
import { OutgoingQueries, type Resend } from './outgoing.ts';

const WANTS_ACK = 1;
const NO_BROADCAST = 2;
/** Source: serf Config.QueryTimeoutMult. */
const TIMEOUT_MULT = 16;
/** Weight of one id in the dedup buffer: 512 ids fit one Lamport time. */
const ID_WEIGHT = 64;
const MAX_RELAY_FACTOR = 255;
/** If more members are silent, it is not gossip that failed. */
const MAX_RESENDS = 32;
const NANOS = 1e6;

export interface QueriesOptions {
  readonly self: string;
  readonly address: () => Address;
  readonly isAddressOfMember: (at: Address) => boolean;
  readonly statuses: Statuses;
  readonly rng: Rng;
  readonly buffer: number;
  /** Bytes of a whole query message of ours, and of a response. */
  readonly limits: Pick<SerfConfig, 'queryBytes' | 'queryResponseBytes'>;
  readonly gossipInterval: Millis;
  readonly keys: KeyQueryHandler;
  /** Answers the internal queries of the layers above. */
  readonly handleInternalQuery: InternalQueryHandler;
}

export class Queries {
  readonly clock: LamportClock = new LamportClock();
  readonly #options: QueriesOptions;
  readonly #dedup: DedupBuffer<number>;
  readonly #outgoing = new OutgoingQueries();
  readonly #incoming: IncomingQueries;

  constructor(options: QueriesOptions) {
    const { self, address, isAddressOfMember, statuses, rng, keys, handleInternalQuery } = options;
    this.#options = options;
    this.#dedup = new DedupBuffer(options.buffer, (a, b) => a === b);
    const internal = new InternalQueries(self, statuses, keys, handleInternalQuery);
    this.#incoming = new IncomingQueries({
      ...{ self, address, isAddressOfMember, statuses, rng },
      maxResponseBytes: options.limits.queryResponseBytes,
      handleInternal: (query, now, out) =>
        internal.handle(
          query,
          (payload, then, into) => this.#incoming.sendResponse(query, payload, then, into),
          now,
          out,
        ),
      handleOwnResponse: (response, now, out) => this.handleResponse(response, now, out, address().key),
    });
  }

  get deadline(): Millis {
    return Math.min(this.#outgoing.deadline, this.#incoming.deadline);
  }

  /** Queries of other members that wait for a response of a program here. */
  get pending(): readonly PendingQuery[] {
    return this.#incoming.pending();
  }

  /** Serf's formula for the current number of members. */
  get defaultTimeout(): Millis {
    const { statuses, gossipInterval } = this.#options;
    return defaultQueryTimeout(gossipInterval, statuses.size - statuses.failed.size - statuses.left.size);
  }

  report(id: QueryId): QueryReport | undefined {
    return this.#outgoing.get(id);
  }

  /** Handles a query with a plausible time. True: it is new, and to be broadcast. `allows` as for user events. `from`: who delivered it. */
  handleQuery(query: Query, now: Millis, out: SerfEffect[], allows: () => boolean, from = ''): boolean {
    this.clock.witness(query.ltime);
    if (!this.#dedup.admit(query.ltime, this.clock.time, query.id, ID_WEIGHT, (id) => id, allows))
      return false;
    this.#incoming.handleQuery(query, now, out, from);
    return (query.flags & NO_BROADCAST) === 0;
  }

  /**
   * Starts a query, which this agent receives too, and returns the message for the other members. `isComplete` may end it
   * early. Throws `AgentError`; then nothing changed.
   */
  query(
    definition: QueryDefinition,
    now: Millis,
    out: SerfEffect[],
    isComplete: (report: QueryReport) => boolean = () => false,
  ): { readonly body: Uint8Array; readonly report: QueryReport } {
    const { rng } = this.#options;
    this.#outgoing.throwIfFull();
    let id = rng.int(2 ** 32);
    while (this.#outgoing.get(id) !== undefined) id = rng.int(2 ** 32);
    const query = this.#buildQuery(definition, id);
    const body = Query.encode(query);
    const { queryBytes } = this.#options.limits;
    if (body.length > queryBytes)
      throw new AgentError(
        'tooLarge',
        `the query takes ${body.length} bytes as a message, and at most ${queryBytes} are allowed: shorten its payload or its filters, or raise serf.queryBytes`,
      );
    const report: QueryReport = {
      id,
      name: definition.name,
      timeout: query.timeout / NANOS,
      finished: false,
      expected: this.#countExpected(definition),
      acks: [],
      responses: [],
    };
    const expectsAnswers = definition.ack || definition.name.startsWith(INTERNAL_QUERY_PREFIX);
    const resend = expectsAnswers ? this.#createResend(definition, query.filters, body) : undefined;
    const isDirect = definition.direct === true;
    this.#outgoing.start({ report, ltime: this.clock.time, resend, isComplete, isDirect }, now);
    this.handleQuery({ ...query, ltime: this.clock.time }, now, out, () => true);
    for (const name of definition.directTo ?? []) this.#sendDirect(name, body, out);
    return { body, report };
  }

  /** Handles a response to a query of ours, which came from the address `source`. Responses of non-members are refused. */
  handleResponse(response: QueryResponse, now: Millis, out: SerfEffect[], source: string): void {
    const { from } = response;
    const member = this.#options.statuses.get(from)?.member;
    const isForeign = this.#outgoing.isDirect(response) && member?.identity.address.key !== source;
    const reason =
      member === undefined
        ? 'not from a member'
        : isForeign
          ? 'not from its own address'
          : this.#outgoing.handleResponse(response, now, out);
    if (reason !== undefined) out.push({ kind: 'fact', fact: { kind: 'responseRefused', from, reason } });
  }

  relay(relay: Relay, out: SerfEffect[]): void {
    this.#incoming.relay(relay, out);
  }

  /** Responds to a query of another member. Throws `AgentError`; then nothing changed. */
  respond(id: QueryId, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    this.#incoming.respond(id, payload, now, out);
  }

  /** Queries before `ltime` are ignored: they are from before an earlier boot. */
  ignoreBefore(ltime: number): void {
    this.#dedup.ignoreBefore(ltime);
  }

  forgetFrom(next: number): void {
    this.#dedup.forgetFrom(next);
  }

  tick(now: Millis, out: SerfEffect[]): void {
    this.#outgoing.tick(now, out);
    this.#incoming.tick(now, out);
  }

  /**
   * Sends a query directly to the members that should have answered and have not.
   *
   * Differs: Serf relies on gossip, which in a small cluster misses a member now and then.
   */
  #createResend(
    { direct, directTo = [] }: QueryDefinition,
    filters: readonly Uint8Array[],
    body: Uint8Array,
  ): Resend {
    if (direct === true)
      return (hasAnswered, out) => {
        for (const name of directTo) if (!hasAnswered(name)) this.#sendDirect(name, body, out);
      };
    return (hasAnswered, out) => {
      let left = MAX_RESENDS;
      for (const { name, status, member, tags } of this.#options.statuses.all()) {
        if (status !== 'alive' || name === this.#options.self || hasAnswered(name)) continue;
        if (!evaluateFilters(filters, name, tags).matches) continue;
        if (--left < 0) return;
        out.push({ kind: 'send', to: member.identity.address, body });
      }
    };
  }

  /** Sends a query to one member without waiting for gossip. */
  #sendDirect(name: string, body: Uint8Array, out: SerfEffect[]): void {
    const held = this.#options.statuses.get(name);
    if (held?.status !== 'alive' || name === this.#options.self) return;
    out.push({ kind: 'send', to: held.member.identity.address, body });
  }

  #buildQuery(definition: QueryDefinition, id: QueryId): Query {
    const { self } = this.#options;
    const address = this.#options.address();
    const { name, payload, nodes, tags, ack, relayFactor, direct } = definition;
    if (name === '') throw new AgentError('badRequest', 'a query needs a name');
    if (/[\p{Cc}\p{Cs}]/u.test(name))
      throw new AgentError('badRequest', 'the name of a query must be text without control characters');
    for (const [tag, expr] of tags)
      if (compilePattern(expr) === undefined)
        throw new AgentError(
          'badRequest',
          `the expression for the tag "${tag}" is not supported: use RE2 syntax without \\p classes, and ${MAX_PATTERN_BYTES} bytes at most`,
        );
    if (!Number.isInteger(relayFactor) || relayFactor < 0 || relayFactor > MAX_RELAY_FACTOR)
      throw new AgentError('badRequest', `the relay factor must be 0 to ${MAX_RELAY_FACTOR}`);
    const timeout = definition.timeout ?? this.defaultTimeout;
    return Query.create({
      ltime: this.clock.time,
      id,
      addr: address.ip,
      port: address.port,
      sourceNode: self,
      filters: [
        ...(nodes.length === 0 ? [] : [encodeFilter({ kind: 'nodes', nodes })]),
        ...[...tags].map(([tag, expr]) => encodeFilter({ kind: 'tag', tag, expr })),
      ],
      flags: (ack ? WANTS_ACK : 0) | (direct === true ? NO_BROADCAST : 0),
      relayFactor,
      timeout: Math.round(timeout) * NANOS,
      name,
      payload,
    });
  }

  /** The number of alive members, of those named if any are. */
  #countExpected({ nodes }: QueryDefinition): number {
    const { statuses } = this.#options;
    if (nodes.length > 0) return new Set(nodes.filter((name) => statuses.get(name)?.status === 'alive')).size;
    let alive = 0;
    for (const { status } of statuses.all()) if (status === 'alive') alive++;
    return alive;
  }
}

/** How long a query waits for responses from `members` members that are up. */
export const defaultQueryTimeout = (gossipInterval: Millis, members: number): Millis =>
  gossipInterval * TIMEOUT_MULT * Math.ceil(Math.log10(members + 1));
