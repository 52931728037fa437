/** Truncation: how long a response may be, which records go in when not all fit, and when to set TC. */
import { assert } from '../base/assert.ts';
import { type Rng, shuffle } from '../base/rng.ts';
import type { DnsResponse } from './answer.ts';
import type { CompiledRecord } from './message/compiled-records.ts';
import { countFitting, encodeResponse, MAX_MESSAGE_BYTES, MIN_RECORD_BYTES } from './message/encode.ts';
import type { DnsRequest } from './message/request.ts';

/**
 * When to set TC. `auto`: when records were left out, except for clients that announce 512 bytes or less in an OPT:
 * only HAProxy does, and it discards a truncated response whole. `never` is Consul's default.
 */
export type TruncationPolicy = 'auto' | 'always' | 'never';

export interface TruncationOptions {
  readonly truncate: TruncationPolicy;
  /** Most answers over UDP to clients that take at most 512 bytes. */
  readonly udpAnswerLimit: number;
}

/** How a query arrived, as far as the response depends on it. */
export interface QueryOrigin {
  readonly transport: 'udp' | 'tcp';
  readonly loopback: boolean;
  /** The client is on another host and not on an allow list: its source address may be forged. */
  readonly spoofable: boolean;
  /** The client is on this host or in an allowed network: its queries may be forwarded to recursors. */
  readonly trusted: boolean;
}

const CLASSIC_UDP_BYTES = 512;
/** Passes practically any network without IP fragmentation. Source: DNS Flag Day 2020. */
const SAFE_UDP_BYTES = 1232;
const MAX_UDP_BYTES = 65_507;
/** Bound on amplification: response to query size when the source address may be forged. */
const MAX_AMPLIFICATION = 4;

/** The longest response this client may get, in bytes. */
export function maxResponseBytes(request: DnsRequest, origin: QueryOrigin): number {
  if (origin.transport === 'tcp') return MAX_MESSAGE_BYTES;
  const announced = Math.max(CLASSIC_UDP_BYTES, request.edns?.udpPayloadSize ?? CLASSIC_UDP_BYTES);
  const limit = Math.min(announced, origin.loopback ? MAX_UDP_BYTES : SAFE_UDP_BYTES);
  return origin.spoofable ? Math.min(limit, MAX_AMPLIFICATION * request.byteLength) : limit;
}

/** Records that fit `limit` bytes at most, and one more, whose omission shows that the answer was truncated. */
export const maxRecordsIn = (limit: number): number => Math.ceil(limit / MIN_RECORD_BYTES) + 1;

/**
 * The encoded response in at most `limit` bytes: as many items as fit, the preferred ones, in random order. An item
 * goes in with its additional records or not at all, unless not even one would fit. An OPT always goes in.
 */
export function truncateResponse(
  request: DnsRequest,
  response: DnsResponse,
  limit: number,
  origin: QueryOrigin,
  { truncate, udpAnswerLimit }: TruncationOptions,
  rng: Rng,
): Buffer {
  const { compiled } = response;
  const { cnames, items, authority, preferredCount } = compiled;
  const encode = (chosen: readonly CompiledRecord[], withAdditionals = true): Buffer | undefined => {
    const answers = cnames.length === 0 ? chosen : [...cnames, ...chosen];
    const truncated =
      (chosen.length < items.length || !withAdditionals) && shouldSetTc(request, origin, truncate);
    return encodeResponse(
      request,
      response,
      compiled,
      { answers, authority, withAdditionals, truncated },
      limit,
    );
  };
  const maxItems = origin.transport === 'udp' && limit <= CLASSIC_UDP_BYTES ? udpAnswerLimit : items.length;
  const count = countFitting(request, compiled, maxItems, limit, (estimate) =>
    longestPrefix(estimate, Math.min(items.length, maxItems), (n) => encode(items.slice(0, n))),
  );
  // Invariant: a cached count belongs to these items.
  assert(count <= items.length, `${count} of ${items.length} items to fit`);
  // Beyond the reach of compression pointers another order may be a little longer than the one that was counted.
  for (let n = count; n > 0 || n === items.length; n--) {
    const preferred = shuffle(items.slice(0, Math.min(n, preferredCount)), rng);
    const message = encode([...preferred, ...shuffle(items.slice(preferredCount, n), rng)]);
    if (message !== undefined) return message;
  }
  return (
    encode(items.slice(0, 1), false) ??
    encode([], false) ??
    // Not even the CNAME chain fits.
    encodeWithoutRecords(request, response, origin.transport === 'udp')
  );
}

/** An empty response with TC, which sends the client to TCP. Never longer than the query. */
export const encodeTruncated = (request: DnsRequest, response: DnsResponse): Buffer =>
  encodeWithoutRecords(request, response, true);

function encodeWithoutRecords(request: DnsRequest, response: DnsResponse, truncated: boolean): Buffer {
  const sections = { answers: [], authority: [], withAdditionals: false, truncated };
  const message = encodeResponse(request, response, response.compiled, sections, MAX_MESSAGE_BYTES);
  // Invariant: a question and an OPT are shorter than any message may be.
  assert(message !== undefined, 'a response without records exceeds 65,535 bytes');
  return message;
}

function shouldSetTc(request: DnsRequest, { transport }: QueryOrigin, truncate: TruncationPolicy): boolean {
  if (transport === 'tcp' || truncate === 'never') return false;
  return (
    truncate === 'always' || request.edns === undefined || request.edns.udpPayloadSize > CLASSIC_UDP_BYTES
  );
}

/** Binary search for the largest n in `from`..`to` that can be encoded. Assumes that `from` can. */
function longestPrefix(from: number, to: number, encode: (n: number) => Buffer | undefined): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (encode(middle) !== undefined) low = middle;
    else high = middle - 1;
  }
  return low;
}
