/**
 * Forwards queries for foreign names to the configured recursors. Responses are passed on with the client's id and
 * letter case. Which names are foreign is decided in `answer.ts`.
 */
import { randomInt } from 'node:crypto';
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import { RCODE } from '../message/records.ts';
import { isInZone, type ZoneNames } from '../zone/names.ts';
import { RecursorCache } from './cache.ts';
import { parseRecursorMessage, withoutAdditionals } from './incoming.ts';
import { countLetters, createRecursorQuery, type ForwardableRequest, questionKey } from './outgoing.ts';
import { Upstream, type UpstreamResponse } from './upstream.ts';

export interface RecursorOptions {
  readonly servers: readonly Address[];
  /** `random`: a new order for each query. */
  readonly strategy: 'sequential' | 'random';
  /** Per recursor. */
  readonly timeout: Millis;
  /** Names of our own zone: responses with records of these are discarded. */
  readonly names: ZoneNames;
}

/** `loop`: the query is one of our own that came back. `unanswered`: no recursor gave a usable response. */
export type RecursorResult = Buffer | 'loop' | 'unanswered';

/** Different queries in flight, each with one socket. */
const MAX_QUERIES_IN_FLIGHT = 256;
/** Clients that wait for them. */
const MAX_WAITING = 4096;
/** With fewer letters the letter case of a client's query may equal ours by accident, which is no loop. */
const MIN_LETTERS = 10;

export class Recursor {
  readonly #options: RecursorOptions;
  readonly #upstream: Upstream;
  readonly #cache = new RecursorCache();
  /**
   * Equal queries share one in flight: many copies would be a birthday attack's chance to forge a response (RFC 5452
   * §5).
   */
  readonly #inFlight = new Map<string, Promise<UpstreamResponse | undefined>>();
  /** Questions in flight, in our own letter case. */
  readonly #sentQuestions = new Set<string>();
  /** Clients that wait. */
  #waiting = 0;
  #closed = false;

  constructor(options: RecursorOptions) {
    this.#options = options;
    this.#upstream = new Upstream(options.timeout);
  }

  /** Never rejects. The response may be of any size up to 65,535 bytes. */
  async resolve(request: ForwardableRequest, transport: 'udp' | 'tcp'): Promise<RecursorResult> {
    if (this.#sentQuestions.has(Buffer.from(request.question.raw).toString('latin1'))) return 'loop';
    const key = questionKey(request);
    const cached = this.#cache.get(key, performance.now());
    if (cached !== undefined) return toClientResponse(cached, request);
    if (this.#waiting >= MAX_WAITING) return 'unanswered';
    this.#waiting++;
    try {
      const response = await this.#query(key, request, transport);
      return response === undefined ? 'unanswered' : toClientResponse(response.bytes, request);
    } finally {
      this.#waiting--;
    }
  }

  /** Ends all queries in flight as unanswered. */
  close(): void {
    this.#closed = true;
    this.#upstream.close();
  }

  #query(
    key: string,
    request: ForwardableRequest,
    transport: 'udp' | 'tcp',
  ): Promise<UpstreamResponse | undefined> {
    const flightKey = `${transport} ${key}`;
    const existing = this.#inFlight.get(flightKey);
    if (existing !== undefined) return existing;
    if (this.#inFlight.size >= MAX_QUERIES_IN_FLIGHT) return Promise.resolve(undefined);
    const query = this.#queryServers(request, transport).then((response) => {
      this.#inFlight.delete(flightKey);
      if (response !== undefined) this.#cache.set(key, response, performance.now());
      return response;
    });
    this.#inFlight.set(flightKey, query);
    return query;
  }

  /** Queries one recursor after another until one answers NOERROR or NXDOMAIN. Source: Consul dns, recursors. */
  async #queryServers(
    request: ForwardableRequest,
    transport: 'udp' | 'tcp',
  ): Promise<UpstreamResponse | undefined> {
    for (const server of this.#orderServers()) {
      if (this.#closed) return undefined;
      const query = createRecursorQuery(request);
      const sent =
        countLetters(query.question) >= MIN_LETTERS ? query.question.toString('latin1') : undefined;
      if (sent !== undefined) this.#sentQuestions.add(sent);
      const response = await this.#upstream.query(server, query, transport);
      if (sent !== undefined) this.#sentQuestions.delete(sent);
      if (response !== undefined && this.#isUsable(response)) return vouchedFor(response);
    }
    return undefined;
  }

  /** Discards responses with records of our own zone, which would poison the caches of our clients. */
  #isUsable({ message: { rcode, records } }: UpstreamResponse): boolean {
    if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return false;
    return !records.some(({ owner }) => isInZone(owner, this.#options.names));
  }

  #orderServers(): readonly Address[] {
    const { servers, strategy } = this.#options;
    if (strategy === 'sequential') return servers;
    const remaining = [...servers];
    return servers.map(() => remaining.splice(randomInt(remaining.length), 1)[0] as Address);
  }
}

/** What the recursor was asked for. Source: S21 (docs/security.md). */
function vouchedFor({ bytes, message }: UpstreamResponse): UpstreamResponse {
  const kept = withoutAdditionals(bytes, message);
  return { bytes: kept, message: parseRecursorMessage(kept) ?? message };
}

const RD = 0x0100;
const RA = 0x0080;

/** A copy with the client's id, its letter case of the question, and RD and RA set. */
function toClientResponse(response: Buffer, request: ForwardableRequest): Buffer {
  const bytes = Buffer.from(response);
  bytes.writeUInt16BE(request.id, 0);
  bytes.writeUInt16BE(bytes.readUInt16BE(2) | RD | RA, 2);
  bytes.set(request.question.raw, 12);
  return bytes;
}
