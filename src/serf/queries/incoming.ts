/**
 * Queries of other members: whether they are for this agent, which program responds, how responses are sent, and which
 * responses of others are relayed.
 *
 * Source: serf serf.go, handleQuery; query.go, respondWithMessageAndResponse, relayResponse; P55, P56 (docs/protocol.md).
 */
import { type Address, toAddress } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { copyBytes, NO_BYTES } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import { type Rng, shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import { type Query, QueryResponse, type Relay, RelayHeader, SERF_TYPE } from '../../wire/serf.ts';
import type { Statuses } from '../membership/status.ts';
import type { PendingQuery, QueryId, SerfEffect } from '../types.ts';
import { FilterWork } from './filter-work.ts';
import { CONFLICT_QUERY, INTERNAL_QUERY_PREFIX } from './names.ts';

/** Bytes of a response message of the agent itself, of which all members take so many. Source: serf QueryResponseSizeLimit. */
export const MAX_RESPONSE_BYTES = 1024;
const WANTS_ACK = 1;
const IS_ACK = 1;
/** Queries that wait for a program here; the one that ends first makes room. */
const MAX_PENDING = 256;
const MAX_TIMEOUT: Millis = 600_000;
/** Relays of one response, even if the query wants more. */
const MAX_RELAYS = 8;
/** Source: serf, kRandomMembers of relayResponse: memberlist's highest protocol. */
const RELAY_PROTOCOL = 5;
const NANOS = 1e6;

/** A query with what is needed to respond to it. */
export interface IncomingQuery extends PendingQuery {
  readonly to: Address;
  readonly relayFactor: number;
}

export interface IncomingQueriesHost {
  readonly self: string;
  readonly address: () => Address;
  readonly isAddressOfMember: (at: Address) => boolean;
  readonly statuses: Statuses;
  readonly rng: Rng;
  /** Bytes of a whole response message of a program here, and of one that is relayed. */
  readonly maxResponseBytes: number;
  /** Responds to internal queries, named `_serf_…`; false: there is none of this name. */
  handleInternal(query: IncomingQuery, now: Millis, out: SerfEffect[]): boolean;
  /** A response to a query of this agent by itself. */
  handleOwnResponse(response: QueryResponse, now: Millis, out: SerfEffect[]): void;
}

export class IncomingQueries {
  readonly #host: IncomingQueriesHost;
  readonly #pending = new Map<QueryId, IncomingQuery>();
  readonly #deadlines = new Timers<QueryId>();
  readonly #filterWork = new FilterWork();

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

  /** Handles a query that was not seen before. `from`: the peer that delivered it, which its filters are counted against. */
  handleQuery(message: Query, now: Millis, out: SerfEffect[], from = ''): void {
    const { self, statuses } = this.#host;
    const tags = statuses.get(self)?.tags ?? new Map<string, string>();
    const result = this.#filterWork.evaluate(message.filters, { name: self, tags }, from, now);
    const refuse = (reason: string): void => {
      out.push({
        kind: 'fact',
        fact: { kind: 'queryRefused', name: message.name, from: message.sourceNode, reason },
      });
    };
    if (result.error !== undefined) return refuse(result.error);
    if (!result.matches) return;
    const query = toIncomingQuery(message, now);
    // Differs: Serf responds to any address, which allows reflection attacks. A node with a name conflict is no member yet.
    if (query.name !== CONFLICT_QUERY && !this.#isMember(query.from, query.to))
      return refuse('its sender is not a member');
    if ((message.flags & WANTS_ACK) !== 0) this.#send(query, IS_ACK, NO_BYTES, now, out);
    if (query.name.startsWith(INTERNAL_QUERY_PREFIX)) {
      if (!this.#host.handleInternal(query, now, out)) refuse('an unknown internal query');
      return;
    }
    if (this.#pending.size >= MAX_PENDING) {
      const first = this.#deadlines.pop(Number.POSITIVE_INFINITY);
      if (first !== undefined) this.#pending.delete(first);
    }
    this.#pending.set(query.id, query);
    this.#deadlines.set(query.id, query.deadline);
    // Invariant: each pending query has a deadline.
    assert(this.#pending.size === this.#deadlines.size, 'a pending query without a deadline');
    out.push({ kind: 'queryReceived', query }, { kind: 'pendingQueriesChanged' });
  }

  /** Responds to a pending query. Throws `AgentError`; then it stays pending. */
  respond(id: QueryId, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    const query = this.#pending.get(id);
    if (query === undefined || now >= query.deadline)
      throw new AgentError(
        'notFound',
        `query ${id} is not pending: it was answered already, or its time is over`,
      );
    const room = this.#host.maxResponseBytes - this.#body(query, 0, NO_BYTES).length - 2;
    if (payload.length > room)
      throw new AgentError(
        'tooLarge',
        `a response to this query may have at most ${room} bytes: send a reference to larger data, or raise serf.queryResponseBytes`,
      );
    this.sendResponse(query, payload, now, out);
    this.#end(id);
    out.push({ kind: 'pendingQueriesChanged' });
  }

  /** Sends a response that is known to be small enough. */
  sendResponse(query: IncomingQuery, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    this.#send(query, 0, payload, now, out);
  }

  /** Relays a message of a peer. Differs: Serf relays anything to any address; here only query responses to members. */
  relay({ header, message }: Relay, out: SerfEffect[]): void {
    const to = toAddress(header.dest.ip, header.dest.port);
    if (message[0] !== SERF_TYPE.queryResponse || message.length > this.#host.maxResponseBytes)
      out.push({ kind: 'fact', fact: { kind: 'relayRefused', to: to.key, reason: 'not a query response' } });
    else if (!this.#isMember(header.destName, to))
      out.push({
        kind: 'fact',
        fact: { kind: 'relayRefused', to: to.key, reason: 'its target is not a member' },
      });
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

  #send(query: IncomingQuery, flags: number, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    const { ltime, id } = query;
    const body = this.#body(query, flags, payload);
    if (sameHost(query.to, this.#host.address())) {
      const from = this.#host.self;
      return this.#host.handleOwnResponse(
        QueryResponse.create({ ltime, id, from, flags, payload }),
        now,
        out,
      );
    }
    out.push({ kind: 'send', to: query.to, body });
    for (const to of this.#pickRelays(query)) {
      const { ip, port } = query.to;
      const dest = { kind: 'relayAddress', ip, port, zone: '' } as const;
      const header = RelayHeader.encode({ dest, destName: query.from });
      const relayed = new Uint8Array(header.length + body.length);
      relayed.set(header);
      relayed.set(body, header.length);
      if (relayed.length <= this.#host.maxResponseBytes) out.push({ kind: 'send', to, body: relayed });
    }
  }

  #body({ ltime, id }: IncomingQuery, flags: number, payload: Uint8Array): Uint8Array {
    return QueryResponse.encode({ ltime, id, from: this.#host.self, flags, payload });
  }

  /** Random members that are alive, exist for all that this agent knows, and can relay. */
  #pickRelays({ relayFactor }: IncomingQuery): Address[] {
    const { statuses, self, rng } = this.#host;
    if (relayFactor === 0 || statuses.size < relayFactor + 1) return [];
    const capable = [...statuses.all()].filter(
      ({ name, status, member }) =>
        status === 'alive' &&
        name !== self &&
        member.hasAnswered === true &&
        (member.identity.vsn[1] as number) >= RELAY_PROTOCOL,
    );
    return shuffle(capable, rng)
      .slice(0, Math.min(relayFactor, MAX_RELAYS))
      .map(({ member }) => member.identity.address);
  }

  /** Does a member have this address? `name` is checked first. */
  #isMember(name: string, at: Address): boolean {
    const named = this.#host.statuses.get(name);
    if (named !== undefined && sameHost(named.member.identity.address, at)) return true;
    return this.#host.isAddressOfMember(at);
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

/** The 4-octet and the 16-octet form of an IPv4 address are equal here. */
const sameHost = (a: Address, b: Address): boolean => a.host === b.host && a.port === b.port;
