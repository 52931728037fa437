/** Sizes: how long an answer may be, what goes in when not all does, and whether to say so. */
import { type Rng, shuffle } from '../base/rng.ts';
import type { DnsResponse } from './answer.ts';
import type { CompiledRecord } from './message/compiled-records.ts';
import { countFitting, encodeResponse, MAX_MESSAGE_BYTES, MIN_RECORD_BYTES } from './message/encode.ts';
import type { DnsRequest } from './message/request.ts';

/**
 * When to set TC. `auto`: when something was left out, except for those who asked with an OPT of 512 or less: only
 * HAProxy does, and it throws a truncated answer away whole. `never` is what Consul does by default.
 */
export type TruncationPolicy = 'auto' | 'always' | 'never';

export interface TruncationOptions {
  readonly truncate: TruncationPolicy;
  /** At most so many answers over UDP for those who cannot take more than 512 bytes. */
  readonly udpAnswerLimit: number;
}

/** How a question came, as far as it bears on the answer's size. */
export interface QueryOrigin {
  readonly transport: 'udp' | 'tcp';
  readonly loopback: boolean;
  /** The door is open to other hosts, this is one of them, and its address may be forged. */
  readonly spoofable: boolean;
  /** Our own host, or one that was named as allowed: recursors are asked for it. */
  readonly trusted: boolean;
}

const CLASSIC_UDP_BYTES = 512;
/** What passes any network in one piece. Source: DNS Flag Day 2020. */
const SAFE_UDP_BYTES = 1232;
const MAX_UDP_BYTES = 65_507;
/** A forged question must not turn into an answer much larger than itself. */
const MAX_AMPLIFICATION = 4;

/** The longest answer this asker may get, in bytes. */
export function maxResponseBytes(request: DnsRequest, route: QueryOrigin): number {
  if (route.transport === 'tcp') return MAX_MESSAGE_BYTES;
  const wanted = Math.max(CLASSIC_UDP_BYTES, request.edns?.udpPayloadSize ?? CLASSIC_UDP_BYTES);
  const limit = Math.min(wanted, route.loopback ? MAX_UDP_BYTES : SAFE_UDP_BYTES);
  return route.spoofable ? Math.min(limit, MAX_AMPLIFICATION * request.byteLength) : limit;
}

/** So many records can be sent in `limit` bytes, and one more, so that it shows that something is left out. */
export const maxRecordsIn = (limit: number): number => Math.ceil(limit / MIN_RECORD_BYTES) + 1;

/**
 * The reply in at most `limit` bytes: as many items as fit, the preferred ones first, in random order. An item goes in
 * with its glue or not at all, unless not even one would. OPT is part of the budget and always there.
 */
export function truncateResponse(
  request: DnsRequest,
  reply: DnsResponse,
  limit: number,
  route: QueryOrigin,
  { truncate, udpAnswerLimit }: TruncationOptions,
  rng: Rng,
): Buffer {
  const { parts } = reply;
  const { cnames: links, items, authority } = parts;
  const write = (some: readonly CompiledRecord[], glued = true): Buffer | undefined => {
    const answers = links.length === 0 ? some : [...links, ...some];
    const truncated = (some.length < items.length || !glued) && shouldSetTc(request, route, truncate);
    return encodeResponse(
      request,
      reply,
      parts,
      { answers, authority, withAdditionals: glued, truncated },
      limit,
    );
  };
  const most = route.transport === 'udp' && limit <= CLASSIC_UDP_BYTES ? udpAnswerLimit : items.length;
  const count = countFitting(request, parts, most, limit, (least) =>
    longestPrefix(least, Math.min(items.length, most), (n) => write(items.slice(0, n))),
  );
  // Far into a long message pointers no longer reach, so that another order may be a little longer.
  for (let n = count; n > 0 || n === items.length; n--) {
    const part = write(shuffle(items.slice(0, n), rng));
    if (part !== undefined) return part;
  }
  return write(items.slice(0, 1), false) ?? write([], false) ?? encodeWithoutRecords(request, reply, route);
}

/** Not even the links fit. */
const encodeWithoutRecords = (request: DnsRequest, reply: DnsResponse, { transport }: QueryOrigin): Buffer =>
  encodeResponse(
    request,
    reply,
    reply.parts,
    { ...NOTHING, truncated: transport === 'udp' },
    MAX_MESSAGE_BYTES,
  ) as Buffer;

/** A reply without any record, TC set: "ask again over TCP". Never longer than the question. */
export const encodeTruncated = (request: DnsRequest, reply: DnsResponse): Buffer =>
  encodeResponse(request, reply, reply.parts, { ...NOTHING, truncated: true }, MAX_MESSAGE_BYTES) as Buffer;

const NOTHING = { answers: [], authority: [], withAdditionals: false } as const;

function shouldSetTc(request: DnsRequest, { transport }: QueryOrigin, truncate: TruncationPolicy): boolean {
  if (transport === 'tcp' || truncate === 'never') return false;
  return (
    truncate === 'always' || request.edns === undefined || request.edns.udpPayloadSize > CLASSIC_UDP_BYTES
  );
}

/** The largest n in `from`..`to` that can be written; `from` is taken to be, and what can has shorter ones that can. */
function longestPrefix(from: number, to: number, write: (n: number) => Buffer | undefined): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (write(middle) !== undefined) low = middle;
    else high = middle - 1;
  }
  return low;
}
