/**
 * Queries: which are news and go on, our own, and those that others ask. The mechanisms are asking.ts, answering.ts
 * and internal.ts; here is what goes to which.
 *
 * Source: serf serf.go, Query, handleQuery, handleQueryResponse; query.go, DefaultQueryTimeout; P53 (docs/protocol.md).
 */
import type { Address } from '../../base/address.ts';
import { AgentError } from '../../base/errors.ts';
import { compilePattern } from '../../base/pattern.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
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
import { OutgoingQueries } from './outgoing.ts';

const WANTS_ACK = 1;
const NO_BROADCAST = 2;
/** Source: serf Config.QueryTimeoutMult. */
const TIMEOUT_MULT = 16;
/** One remembered id, in the ring's measure: 512 of them for one Lamport time. */
const ID_WEIGHT = 64;
/** Bytes of one query of ours, all included. Source: serf QuerySizeLimit. */
const MAX_QUERY_BYTES = 1024;
const MAX_RELAY_FACTOR = 255;
/** More than so many silent ones, and it is not gossip that failed. */
const MAX_RESENDS = 32;
const NANOS = 1e6;

export interface QueriesOptions {
  readonly self: string;
  readonly address: () => Address;
  readonly statuses: Statuses;
  readonly rng: Rng;
  readonly buffer: number;
  readonly gossipInterval: Millis;
  readonly keys: KeyQueryHandler;
  /** Answers internal queries that are not Serf's. */
  readonly handleInternalQuery: InternalQueryHandler;
}

export class Queries {
  readonly clock: LamportClock = new LamportClock();
  readonly #options: QueriesOptions;
  readonly #dedup: DedupBuffer<number>;
  readonly #outgoing = new OutgoingQueries();
  readonly #incoming: IncomingQueries;

  constructor(options: QueriesOptions) {
    const { self, address, statuses, rng, keys, handleInternalQuery: answer } = options;
    this.#options = options;
    this.#dedup = new DedupBuffer(options.buffer, (a, b) => a === b);
    const internal = new InternalQueries(self, statuses, keys, answer);
    this.#incoming = new IncomingQueries({
      ...{ self, address, statuses, rng },
      handleInternal: (asked, now, out) =>
        internal.handle(
          asked,
          (payload, then, into) => this.#incoming.sendResponse(asked, payload, then, into),
          now,
          out,
        ),
      handleOwnResponse: (response, now, out) => this.handleResponse(response, now, out),
    });
  }

  get deadline(): Millis {
    return Math.min(this.#outgoing.deadline, this.#incoming.deadline);
  }

  /** Those of others that wait for an answer of a program here. */
  get pending(): readonly PendingQuery[] {
    return this.#incoming.pending();
  }

  /** By the formula, as many as we are now. */
  get defaultTimeout(): Millis {
    const { statuses, gossipInterval } = this.#options;
    return defaultQueryTimeout(gossipInterval, statuses.size - statuses.failed.size - statuses.left.size);
  }

  report(id: QueryId): QueryReport | undefined {
    return this.#outgoing.get(id);
  }

  /** A query with a plausible stamp. True: news, and not for us alone: to be passed on. `allows` as in events.ts. */
  handleQuery(query: Query, now: Millis, out: SerfEffect[], allows: () => boolean): boolean {
    this.clock.witness(query.ltime);
    if (!this.#dedup.admit(query.ltime, this.clock.time, query.id, ID_WEIGHT, (id) => id, allows))
      return false;
    this.#incoming.handleQuery(query, now, out);
    return (query.flags & NO_BROADCAST) === 0;
  }

  /**
   * Asks, and gives the message for others. We are asked as well. `enough` ends it before its time. Throws
   * `AgentError`; then nothing changed.
   */
  query(
    question: QueryDefinition,
    now: Millis,
    out: SerfEffect[],
    enough: (question: QueryReport) => boolean = () => false,
  ): { readonly body: Uint8Array; readonly asked: QueryReport } {
    const { rng } = this.#options;
    this.#outgoing.throwIfFull();
    let id = rng.int(2 ** 32);
    while (this.#outgoing.get(id) !== undefined) id = rng.int(2 ** 32);
    const query = this.#buildQuery(question, id);
    const body = Query.encode(query);
    if (body.length > MAX_QUERY_BYTES)
      throw new AgentError(
        'tooLarge',
        `this query takes ${body.length} bytes as a message and ${MAX_QUERY_BYTES} may stand: shorten its payload or its filters`,
      );
    const asked: QueryReport = {
      id,
      name: question.name,
      timeout: query.timeout / NANOS,
      finished: false,
      expected: this.#countExpected(question),
      acks: [],
      responses: [],
    };
    const speaks = question.ack || question.name.startsWith(INTERNAL_QUERY_PREFIX);
    const remind = speaks ? this.#createResend(query.filters, body) : undefined;
    this.#outgoing.start(asked, this.clock.time, remind, enough, now);
    this.handleQuery({ ...query, ltime: this.clock.time }, now, out, () => true);
    for (const one of question.directTo ?? []) this.#sendDirect(one, body, out);
    return { body, asked };
  }

  /** An answer to a query of ours, perhaps. Only members have a say. */
  handleResponse(response: QueryResponse, now: Millis, out: SerfEffect[]): void {
    const { from } = response;
    const isMember = this.#options.statuses.get(from) !== undefined;
    const reason = isMember ? this.#outgoing.handleResponse(response, now, out) : 'not from a member';
    if (reason !== undefined) out.push({ kind: 'fact', fact: { kind: 'responseRefused', from, reason } });
  }

  relay(relay: Relay, out: SerfEffect[]): void {
    this.#incoming.relay(relay, out);
  }

  /** Answers a query of another. Throws `AgentError`; then nothing changed. */
  respond(id: QueryId, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    this.#incoming.respond(id, payload, now, out);
  }

  /** Queries before `ltime` were seen in an earlier life. */
  ignoreBefore(ltime: number): void {
    this.#dedup.ignoreBefore(ltime);
  }

  tick(now: Millis, out: SerfEffect[]): void {
    this.#outgoing.tick(now, out);
    this.#incoming.tick(now, out);
  }

  /**
   * Asks those directly who should have said something and have not.
   *
   * Differs: agents leave it to gossip, which in a small cluster passes over a member now and then.
   */
  #createResend(filters: readonly Uint8Array[], body: Uint8Array) {
    return (heardOf: (name: string) => boolean, out: SerfEffect[]): void => {
      let left = MAX_RESENDS;
      for (const { name, status, member, tags } of this.#options.statuses.all()) {
        if (status !== 'alive' || name === this.#options.self || heardOf(name)) continue;
        if (!evaluateFilters(filters, name, tags).matches) continue;
        if (--left < 0) return;
        out.push({ kind: 'send', to: member.identity.address, body });
      }
    };
  }

  /** Does not wait for gossip. */
  #sendDirect(name: string, body: Uint8Array, out: SerfEffect[]): void {
    const held = this.#options.statuses.get(name);
    if (held?.status !== 'alive' || name === this.#options.self) return;
    out.push({ kind: 'send', to: held.member.identity.address, body });
  }

  #buildQuery(question: QueryDefinition, id: QueryId): Query {
    const { self } = this.#options;
    const address = this.#options.address();
    const { name, payload, nodes, tags, ack, relayFactor } = question;
    if (name === '') throw new AgentError('badRequest', 'a query needs a name');
    if (/[\p{Cc}\p{Cs}]/u.test(name))
      throw new AgentError('badRequest', 'the name of a query must be text without control characters');
    for (const [tag, expr] of tags)
      if (compilePattern(expr) === undefined)
        throw new AgentError(
          'badRequest',
          `the expression for the tag "${tag}" is not understood: write RE2, without \\p classes`,
        );
    if (!Number.isInteger(relayFactor) || relayFactor < 0 || relayFactor > MAX_RELAY_FACTOR)
      throw new AgentError('badRequest', `the relay factor must be 0 to ${MAX_RELAY_FACTOR}`);
    const timeout = question.timeout ?? this.defaultTimeout;
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
      flags: ack ? WANTS_ACK : 0,
      relayFactor,
      timeout: Math.round(timeout) * NANOS,
      name,
      payload,
    });
  }

  /** Members that are alive, those that are named if some are. */
  #countExpected({ nodes }: QueryDefinition): number {
    const { statuses } = this.#options;
    if (nodes.length > 0) return new Set(nodes.filter((name) => statuses.get(name)?.status === 'alive')).size;
    let alive = 0;
    for (const { status } of statuses.all()) if (status === 'alive') alive++;
    return alive;
  }
}

/** How long a query waits for answers among `members` that are not dead. */
export const defaultQueryTimeout = (gossipInterval: Millis, members: number): Millis =>
  gossipInterval * TIMEOUT_MULT * Math.ceil(Math.log10(members + 1));
