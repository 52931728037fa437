/** What a recursor says, as far as we must know it. Total: bytes that are no whole message give `undefined`. */
import { RCODE, RECORD_TYPE } from '../message/records.ts';

export interface RecursorMessage {
  readonly id: number;
  readonly rcode: number;
  readonly truncated: boolean;
  /** Name, type and class as they stand there. */
  readonly question: Uint8Array;
  readonly records: readonly ReceivedRecord[];
  /** How long it may be kept; 0: not at all. */
  readonly cacheTtlSeconds: number;
}

export interface ReceivedRecord {
  /** Labels in lower case. */
  readonly owner: readonly string[];
  readonly type: number;
  readonly section: 'answer' | 'authority' | 'additional';
  readonly ttlSeconds: number;
  /** Where the TTL stands. */
  readonly ttlOffset: number;
  /** Its data ends here. */
  readonly end: number;
}

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;

/** Source: RFC 1035 §4.1, RFC 2308 §5 (what is not there), RFC 2181 §8 (a TTL with the highest bit set is 0). */
export function parseRecursorMessage(bytes: Buffer): RecursorMessage | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  const isAnswer = (flags & 0x8000) !== 0 && (flags & 0x7800) === 0;
  if (!isAnswer || bytes.readUInt16BE(4) !== 1) return undefined;
  const nameEnd = readName(bytes, HEADER_BYTES)?.end;
  if (nameEnd === undefined || nameEnd + 4 > bytes.length) return undefined;
  const records = readRecords(bytes, nameEnd + 4);
  if (records === undefined) return undefined;
  const rcode = flags & 0xf;
  const truncated = (flags & 0x0200) !== 0;
  return {
    id: bytes.readUInt16BE(0),
    rcode,
    truncated,
    question: bytes.subarray(HEADER_BYTES, nameEnd + 4),
    records,
    cacheTtlSeconds: truncated ? 0 : computeCacheTtl(bytes, rcode, records),
  };
}

const SECTIONS = [
  ['answer', 6],
  ['authority', 8],
  ['additional', 10],
] as const;

function readRecords(bytes: Buffer, from: number): ReceivedRecord[] | undefined {
  const records: ReceivedRecord[] = [];
  let at = from;
  for (const [section, countAt] of SECTIONS)
    for (let left = bytes.readUInt16BE(countAt); left > 0; left--) {
      const name = readName(bytes, at);
      if (name === undefined || name.end + 10 > bytes.length) return undefined;
      const ttlAt = name.end + 4;
      const end = name.end + 10 + bytes.readUInt16BE(name.end + 8);
      if (end > bytes.length) return undefined;
      const ttl = bytes.readUInt32BE(ttlAt);
      const ttlSeconds = ttl > 0x7fff_ffff ? 0 : ttl;
      records.push({
        owner: name.labels,
        type: bytes.readUInt16BE(name.end),
        section,
        ttlSeconds,
        ttlOffset: ttlAt,
        end,
      });
      at = end;
    }
  return records;
}

/** The least of all TTLs; of what is not there, what the SOA says. */
function computeCacheTtl(bytes: Buffer, rcode: number, records: readonly ReceivedRecord[]): number {
  const real = records.filter(({ type }) => type !== RECORD_TYPE.OPT);
  const least = Math.min(...real.map(({ ttlSeconds }) => ttlSeconds));
  if (rcode === RCODE.NOERROR && real.some(({ section }) => section === 'answer')) return least;
  const soa = real.find(({ type, section }) => type === RECORD_TYPE.SOA && section === 'authority');
  return soa === undefined ? 0 : Math.min(least, bytes.readUInt32BE(soa.end - 4));
}

/** Each pointer must lead to before the part that ends in it, so there is an end to them. */
function readName(bytes: Buffer, from: number): { labels: string[]; end: number } | undefined {
  const labels: string[] = [];
  let at = from;
  let partAt = from;
  let end: number | undefined;
  let length = 1;
  for (;;) {
    const head = bytes[at];
    if (head === undefined) return undefined;
    if (head === 0) return { labels, end: end ?? at + 1 };
    if (head >= 0xc0) {
      const low = bytes[at + 1];
      const to = low === undefined ? partAt : (head & 0x3f) * 256 + low;
      if (to >= partAt || to < HEADER_BYTES) return undefined;
      end ??= at + 2;
      at = to;
      partAt = to;
      continue;
    }
    length += head + 1;
    if (head > 63 || length > MAX_NAME_BYTES || at + 1 + head > bytes.length) return undefined;
    labels.push(bytes.toString('latin1', at + 1, at + 1 + head).toLowerCase());
    at += 1 + head;
  }
}
