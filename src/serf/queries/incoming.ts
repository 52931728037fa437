/**
 * Queries of others: is it for us, who is told, how an answer goes back, and what we carry on for others.
 *
 * Source: serf serf.go, handleQuery; query.go, respondWithMessageAndResponse, relayResponse; P55, P56 (docs/protocol.md).
 */
import { type Address, toAddress } from '../../base/address.ts';
import { copyBytes, NO_BYTES } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import { type Rng, shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import { type Query, QueryResponse, type Relay, RelayHeader, SERF_TYPE } from '../../wire/serf.ts';
import type { Statuses } from '../membership/status.ts';
import type { PendingQuery, QueryId, SerfEffect } from '../types.ts';
import { evaluateFilters } from './filters.ts';
import { CONFLICT_QUERY, INTERNAL_QUERY_PREFIX } from './names.ts';

/** Bytes of a response, all included. Source: serf QueryResponseSizeLimit. */
export const MAX_RESPONSE_BYTES = 1024;
const WANTS_ACK = 1;
const IS_ACK = 1;
/** Queries that wait for a program here to answer; the one that ends first makes room. */
const MAX_PENDING = 256;
const MAX_TIMEOUT: Millis = 600_000;
/** Members through which one answer goes, however many the asker wants. */
const MAX_RELAYS = 8;
/** Source: serf, kRandomMembers of relayResponse: memberlist's highest protocol. */
const RELAY_PROTOCOL = 5;
const NANOS = 1e6;

/** A query with all it takes to answer it. */
export interface IncomingQuery extends PendingQuery {
  readonly to: Address;
  readonly relayFactor: number;
}

export interface IncomingQueriesHost {
  readonly self: string;
  readonly address: () => Address;
  readonly statuses: Statuses;
  readonly rng: Rng;
  /** Answers queries named `_serf_…`; false: there is none of this name. */
  handleInternal(asked: IncomingQuery, now: Millis, out: SerfEffect[]): boolean;
  /** A response of ours to ourselves. */
  handleOwnResponse(response: QueryResponse, now: Millis, out: SerfEffect[]): void;
}

export class IncomingQueries {
  readonly #host: IncomingQueriesHost;
  readonly #pending = new Map<QueryId, IncomingQuery>();
  readonly #deadlines = new Timers<QueryId>();

  constructor(host: IncomingQueriesHost) {
    this.#host = host;
  }

  get deadline(): Millis {
    return this.#deadlines.deadline;
  }

  /** Oldest first. */
  pending(): readonly PendingQuery[] {
    return [...this.#pending.values()];
  }

  /** A query that is news. */
  handleQuery(query: Query, now: Millis, out: SerfEffect[]): void {
    const { self, statuses } = this.#host;
    const own = statuses.get(self);
    const verdict = evaluateFilters(query.filters, self, own?.tags ?? new Map());
    const refuse = (reason: string): void => {
      out.push({
        kind: 'fact',
        fact: { kind: 'queryRefused', name: query.name, from: query.sourceNode, reason },
      });
    };
    if (verdict.error !== undefined) return refuse(verdict.error);
    if (!verdict.matches) return;
    const asked = toIncomingQuery(query, now);
    // Differs: agents answer any address, and so can be turned on a stranger. Only who disputes a name is none yet.
    if (asked.name !== CONFLICT_QUERY && !this.#isMember(asked.from, asked.to))
      return refuse('its sender is no member');
    if ((query.flags & WANTS_ACK) !== 0) this.#send(asked, IS_ACK, NO_BYTES, now, out);
    if (query.name.startsWith(INTERNAL_QUERY_PREFIX)) {
      if (!this.#host.handleInternal(asked, now, out)) refuse('an internal query of no known name');
      return;
    }
    if (this.#pending.size >= MAX_PENDING) {
      const first = this.#deadlines.pop(Number.POSITIVE_INFINITY);
      if (first !== undefined) this.#pending.delete(first);
    }
    this.#pending.set(asked.id, asked);
    this.#deadlines.set(asked.id, asked.deadline);
    out.push({ kind: 'queryReceived', query: asked }, { kind: 'pendingQueriesChanged' });
  }

  /** Answers a query that waits. Throws `AgentError`; then it waits on. */
  respond(id: QueryId, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    const asked = this.#pending.get(id);
    if (asked === undefined || now >= asked.deadline)
      throw new AgentError(
        'notFound',
        `no query ${id} waits for an answer: it was answered, or its time is over`,
      );
    const room = MAX_RESPONSE_BYTES - this.#body(asked, 0, NO_BYTES).length - 2;
    if (payload.length > room)
      throw new AgentError(
        'tooLarge',
        `an answer to this query may have ${room} bytes: send a reference instead`,
      );
    this.sendResponse(asked, payload, now, out);
    this.#end(id);
    out.push({ kind: 'pendingQueriesChanged' });
  }

  /** Sends an answer that is known to be small enough. */
  sendResponse(asked: IncomingQuery, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    this.#send(asked, 0, payload, now, out);
  }

  /** Sends on what another wants sent on. Differs: agents carry anything to anybody; we, answers to members. */
  relay({ header, message }: Relay, out: SerfEffect[]): void {
    const to = toAddress(header.dest.ip, header.dest.port);
    if (message[0] !== SERF_TYPE.queryResponse || message.length > MAX_RESPONSE_BYTES)
      out.push({ kind: 'fact', fact: { kind: 'relayRefused', to: to.key, reason: 'no answer to a query' } });
    else if (!this.#isMember(header.destName, to))
      out.push({ kind: 'fact', fact: { kind: 'relayRefused', to: to.key, reason: 'to no member' } });
    else out.push({ kind: 'send', to, body: copyBytes(message) });
  }

  tick(now: Millis, out: SerfEffect[]): void {
    let ended = false;
    for (let id = this.#deadlines.pop(now); id !== undefined; id = this.#deadlines.pop(now)) {
      this.#pending.delete(id);
      ended = true;
    }
    if (ended) out.push({ kind: 'pendingQueriesChanged' });
  }

  #send(asked: IncomingQuery, flags: number, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    const { ltime, id } = asked;
    const body = this.#body(asked, flags, payload);
    if (sameHost(asked.to, this.#host.address())) {
      const from = this.#host.self;
      return this.#host.handleOwnResponse(
        QueryResponse.create({ ltime, id, from, flags, payload }),
        now,
        out,
      );
    }
    out.push({ kind: 'send', to: asked.to, body });
    for (const to of this.#pickRelays(asked)) {
      const { ip, port } = asked.to;
      const dest = { kind: 'relayAddress', ip, port, zone: '' } as const;
      const header = RelayHeader.encode({ dest, destName: asked.from });
      const relayed = new Uint8Array(header.length + body.length);
      relayed.set(header);
      relayed.set(body, header.length);
      if (relayed.length <= MAX_RESPONSE_BYTES) out.push({ kind: 'send', to, body: relayed });
    }
  }

  #body({ ltime, id }: IncomingQuery, flags: number, payload: Uint8Array): Uint8Array {
    return QueryResponse.encode({ ltime, id, from: this.#host.self, flags, payload });
  }

  /** Random members that are up and know how to. */
  #pickRelays({ relayFactor }: IncomingQuery): Address[] {
    const { statuses, self, rng } = this.#host;
    if (relayFactor === 0 || statuses.size < relayFactor + 1) return [];
    const able = [...statuses.all()].filter(
      ({ name, status, member }) =>
        status === 'alive' && name !== self && (member.identity.vsn[1] as number) >= RELAY_PROTOCOL,
    );
    return shuffle(able, rng)
      .slice(0, Math.min(relayFactor, MAX_RELAYS))
      .map(({ member }) => member.identity.address);
  }

  /** Does a member live at this address? `name` is where to look first. */
  #isMember(name: string, at: Address): boolean {
    const { statuses } = this.#host;
    const named = statuses.get(name);
    if (named !== undefined && sameHost(named.member.identity.address, at)) return true;
    for (const { member } of statuses.all()) if (sameHost(member.identity.address, at)) return true;
    return false;
  }

  #end(id: QueryId): void {
    this.#pending.delete(id);
    this.#deadlines.clear(id);
  }
}

function toIncomingQuery(query: Query, now: Millis): IncomingQuery {
  const timeout = Math.min(MAX_TIMEOUT, Math.max(0, query.timeout / NANOS));
  return {
    id: query.id,
    ltime: query.ltime,
    name: query.name,
    payload: copyBytes(query.payload),
    from: query.sourceNode,
    deadline: now + timeout,
    to: toAddress(query.addr, query.port),
    relayFactor: query.relayFactor,
  };
}

/** The 4- and the 16-octet form of an IPv4 address are one host. */
const sameHost = (a: Address, b: Address): boolean => a.host === b.host && a.port === b.port;
