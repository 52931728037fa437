/**
 * Questions about foreign names, asked on to the recursors that were given. Answers come back as they were said, under
 * the asker's id and in the asker's letters. Which names are foreign is not decided here.
 */
import { randomInt } from 'node:crypto';
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import { RCODE } from '../message/records.ts';
import { isInZone, type ZoneNames } from '../zone/names.ts';
import { RecursorCache } from './cache.ts';
import { countLetters, createRecursorQuery, type ForwardableRequest, questionKey } from './outgoing.ts';
import { Upstream, type UpstreamResponse } from './upstream.ts';

export interface RecursorOptions {
  readonly servers: readonly Address[];
  /** `random`: another order for each question. */
  readonly strategy: 'sequential' | 'random';
  /** For each recursor that is asked. */
  readonly timeout: Millis;
  /** Names recursors have no say in. */
  readonly names: ZoneNames;
}

/** `loop`: the question is one we are asking ourselves. `unanswered`: none of them gave an answer of use. */
export type RecursorResult = Buffer | 'loop' | 'unanswered';

/** Different questions under way, each with one socket. */
const MAX_QUERIES_IN_FLIGHT = 256;
/** Askers that wait for them. */
const MAX_WAITING = 4096;
/** With fewer letters another asker's spelling may be ours by accident. */
const MIN_LETTERS = 10;

export class Recursor {
  readonly #options: RecursorOptions;
  readonly #upstream: Upstream;
  readonly #cache = new RecursorCache();
  /** By key: who asks what is already being asked waits for the same answer, so that there is one to forge, not many. */
  readonly #inFlight = new Map<string, Promise<UpstreamResponse | undefined>>();
  /** Questions exactly as we are asking them now. */
  readonly #spellings = new Set<string>();
  #waiting = 0;
  #closed = false;

  constructor(options: RecursorOptions) {
    this.#options = options;
    this.#upstream = new Upstream(options.timeout);
  }

  /** Never rejects. The answer may be of any size a message can have. */
  async resolve(request: ForwardableRequest, transport: 'udp' | 'tcp'): Promise<RecursorResult> {
    if (this.#spellings.has(Buffer.from(request.question.raw).toString('latin1'))) return 'loop';
    const key = questionKey(request);
    const kept = this.#cache.get(key, performance.now());
    if (kept !== undefined) return toClientResponse(kept, request);
    if (this.#waiting >= MAX_WAITING) return 'unanswered';
    this.#waiting++;
    try {
      const heard = await this.#query(`${transport} ${key}`, key, request, transport);
      return heard === undefined ? 'unanswered' : toClientResponse(heard.bytes, request);
    } finally {
      this.#waiting--;
    }
  }

  /** Whoever waits hears that nobody answered. */
  close(): void {
    this.#closed = true;
    this.#upstream.close();
  }

  #query(
    asking: string,
    key: string,
    request: ForwardableRequest,
    transport: 'udp' | 'tcp',
  ): Promise<UpstreamResponse | undefined> {
    const held = this.#inFlight.get(asking);
    if (held !== undefined) return held;
    if (this.#inFlight.size >= MAX_QUERIES_IN_FLIGHT) return Promise.resolve(undefined);
    const asked = this.#queryServers(request, transport).then((heard) => {
      this.#inFlight.delete(asking);
      if (heard !== undefined) this.#cache.set(key, heard, performance.now());
      return heard;
    });
    this.#inFlight.set(asking, asked);
    return asked;
  }

  /** One after the other until one knows, or knows that there is nothing. Source: Consul dns, recursors. */
  async #queryServers(
    request: ForwardableRequest,
    transport: 'udp' | 'tcp',
  ): Promise<UpstreamResponse | undefined> {
    for (const server of this.#order()) {
      if (this.#closed) return undefined;
      const question = createRecursorQuery(request);
      const spelling =
        countLetters(question.question) >= MIN_LETTERS ? question.question.toString('latin1') : undefined;
      if (spelling !== undefined) this.#spellings.add(spelling);
      const heard = await this.#upstream.query(server, question, transport);
      if (spelling !== undefined) this.#spellings.delete(spelling);
      if (heard !== undefined && this.#isUsable(heard)) return heard;
    }
    return undefined;
  }

  /** A recursor that speaks of names of ours would have its word believed by caches behind us: it is not passed on. */
  #isUsable({ message: { rcode, records } }: UpstreamResponse): boolean {
    if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return false;
    return !records.some(({ owner }) => isInZone(owner, this.#options.names));
  }

  #order(): readonly Address[] {
    const { servers, strategy } = this.#options;
    if (strategy === 'sequential') return servers;
    const left = [...servers];
    return servers.map(() => left.splice(randomInt(left.length), 1)[0] as Address);
  }
}

const RD = 0x0100;
const RA = 0x0080;

/** Under the asker's id, with the asker's spelling of the question. */
function toClientResponse(answer: Buffer, request: ForwardableRequest): Buffer {
  const bytes = Buffer.from(answer);
  bytes.writeUInt16BE(request.id, 0);
  bytes.writeUInt16BE(bytes.readUInt16BE(2) | RD | RA, 2);
  bytes.set(request.question.raw, 12);
  return bytes;
}
