/**
 * Queries of others: is it for us, who is told, how an answer goes back, and what we carry on for others.
 *
 * Source: serf serf.go, handleQuery; query.go, respondWithMessageAndResponse, relayResponse (protocol reference 4.6).
 */
import { type Address, address } from '../../base/address.ts';
import { copyOf, NO_BYTES } from '../../base/bytes.ts';
import { AgentError } from '../../base/errors.ts';
import { type Rng, shuffle } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import { type Query, QueryResponse, type Relay, RelayHeader, SERF_TYPE } from '../../wire/serf.ts';
import type { Statuses } from '../membership/status.ts';
import type { HeardQuery, QuestionId, SerfEffect } from '../types.ts';
import { isFor } from './filters.ts';
import { CONFLICT, INTERNAL } from './names.ts';

/** Bytes of a response, all included. Source: serf QueryResponseSizeLimit. */
export const MAX_RESPONSE_BYTES = 1024;
const WANTS_ACK = 1;
const IS_ACK = 1;
/** Queries that wait for a program here to answer; the one that ends first makes room. */
const MAX_WAITING = 256;
const LONGEST: Millis = 600_000;
/** Members through which one answer goes, however many the asker wants. */
const MAX_RELAYS = 8;
/** Source: serf, kRandomMembers of relayResponse: memberlist's highest protocol. */
const RELAY_PROTOCOL = 5;
const NANOS = 1e6;

/** A query with all it takes to answer it. */
export interface Asked extends HeardQuery {
  readonly to: Address;
  readonly relayFactor: number;
}

export interface AnsweringHost {
  readonly self: string;
  readonly address: () => Address;
  readonly statuses: Statuses;
  readonly rng: Rng;
  /** Answers queries named `_serf_…`; false: there is none of this name. */
  internal(asked: Asked, now: Millis, out: SerfEffect[]): boolean;
  /** A response of ours to ourselves. */
  toSelf(response: QueryResponse, now: Millis, out: SerfEffect[]): void;
}

export class Answering {
  readonly #host: AnsweringHost;
  readonly #waiting = new Map<QuestionId, Asked>();
  readonly #ends = new Timers<QuestionId>();

  constructor(host: AnsweringHost) {
    this.#host = host;
  }

  get deadline(): Millis {
    return this.#ends.deadline;
  }

  /** Oldest first. */
  waiting(): readonly HeardQuery[] {
    return [...this.#waiting.values()];
  }

  /** A query that is news. */
  hear(query: Query, now: Millis, out: SerfEffect[]): void {
    const { self, statuses } = this.#host;
    const own = statuses.get(self);
    const verdict = isFor(query.filters, self, own?.tags ?? new Map());
    const refuse = (why: string): void => {
      out.push({
        kind: 'fact',
        fact: { kind: 'queryRefused', name: query.name, from: query.sourceNode, why },
      });
    };
    if (verdict.trouble !== undefined) return refuse(verdict.trouble);
    if (!verdict.matches) return;
    const asked = askedBy(query, now);
    // Differs: agents answer any address, and so can be turned on a stranger. Only who disputes a name is none yet.
    if (asked.name !== CONFLICT && !this.#isMember(asked.from, asked.to))
      return refuse('its sender is no member');
    if ((query.flags & WANTS_ACK) !== 0) this.#send(asked, IS_ACK, NO_BYTES, now, out);
    if (query.name.startsWith(INTERNAL)) {
      if (!this.#host.internal(asked, now, out)) refuse('an internal query of no known name');
      return;
    }
    if (this.#waiting.size >= MAX_WAITING) {
      const first = this.#ends.pop(Number.POSITIVE_INFINITY);
      if (first !== undefined) this.#waiting.delete(first);
    }
    this.#waiting.set(asked.id, asked);
    this.#ends.set(asked.id, asked.deadline);
    out.push({ kind: 'queryHeard', query: asked }, { kind: 'queriesChanged' });
  }

  /** Answers a query that waits. Throws `AgentError`; then it waits on. */
  respond(id: QuestionId, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    const asked = this.#waiting.get(id);
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
    this.reply(asked, payload, now, out);
    this.#end(id);
    out.push({ kind: 'queriesChanged' });
  }

  /** Sends an answer that is known to be small enough. */
  reply(asked: Asked, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    this.#send(asked, 0, payload, now, out);
  }

  /** Sends on what another wants sent on. Differs: agents carry anything to anybody; we, answers to members. */
  relay({ header, message }: Relay, out: SerfEffect[]): void {
    const to = address(header.dest.ip, header.dest.port);
    if (message[0] !== SERF_TYPE.queryResponse || message.length > MAX_RESPONSE_BYTES)
      out.push({ kind: 'fact', fact: { kind: 'relayRefused', to: to.key, why: 'no answer to a query' } });
    else if (!this.#isMember(header.destName, to))
      out.push({ kind: 'fact', fact: { kind: 'relayRefused', to: to.key, why: 'to no member' } });
    else out.push({ kind: 'send', to, body: copyOf(message) });
  }

  tick(now: Millis, out: SerfEffect[]): void {
    let ended = false;
    for (let id = this.#ends.pop(now); id !== undefined; id = this.#ends.pop(now)) {
      this.#waiting.delete(id);
      ended = true;
    }
    if (ended) out.push({ kind: 'queriesChanged' });
  }

  #send(asked: Asked, flags: number, payload: Uint8Array, now: Millis, out: SerfEffect[]): void {
    const { ltime, id } = asked;
    const body = this.#body(asked, flags, payload);
    if (sameHost(asked.to, this.#host.address())) {
      const from = this.#host.self;
      return this.#host.toSelf(QueryResponse.make({ ltime, id, from, flags, payload }), now, out);
    }
    out.push({ kind: 'send', to: asked.to, body });
    for (const to of this.#relays(asked)) {
      const { ip, port } = asked.to;
      const dest = { kind: 'relayAddress', ip, port, zone: '' } as const;
      const header = RelayHeader.encode({ dest, destName: asked.from });
      const relayed = new Uint8Array(header.length + body.length);
      relayed.set(header);
      relayed.set(body, header.length);
      if (relayed.length <= MAX_RESPONSE_BYTES) out.push({ kind: 'send', to, body: relayed });
    }
  }

  #body({ ltime, id }: Asked, flags: number, payload: Uint8Array): Uint8Array {
    return QueryResponse.encode({ ltime, id, from: this.#host.self, flags, payload });
  }

  /** Random members that are up and know how to. */
  #relays({ relayFactor }: Asked): Address[] {
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

  #end(id: QuestionId): void {
    this.#waiting.delete(id);
    this.#ends.clear(id);
  }
}

function askedBy(query: Query, now: Millis): Asked {
  const timeout = Math.min(LONGEST, Math.max(0, query.timeout / NANOS));
  return {
    id: query.id,
    ltime: query.ltime,
    name: query.name,
    payload: copyOf(query.payload),
    from: query.sourceNode,
    deadline: now + timeout,
    to: address(query.addr, query.port),
    relayFactor: query.relayFactor,
  };
}

/** The 4- and the 16-octet form of an IPv4 address are one host. */
const sameHost = (a: Address, b: Address): boolean => a.host === b.host && a.port === b.port;
