/**
 * Parses a recursor's response as far as caching and checking it need. Never throws: malformed bytes give `undefined`.
 */
import { RCODE, RECORD_TYPE } from '../message/records.ts';

export interface RecursorMessage {
  readonly id: number;
  readonly rcode: number;
  readonly truncated: boolean;
  /** Name, type and class as received. */
  readonly question: Uint8Array;
  readonly records: readonly ReceivedRecord[];
  /** How long the response may be cached; 0: not at all. */
  readonly cacheTtlSeconds: number;
}

export interface ReceivedRecord {
  /** Labels in lower case. */
  readonly owner: readonly string[];
  readonly type: number;
  readonly section: 'answer' | 'authority' | 'additional';
  readonly ttlSeconds: number;
  /** Offset of the TTL. */
  readonly ttlOffset: number;
  /** Offset behind the data. */
  readonly end: number;
}

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;

/** Source: RFC 1035 §4.1, RFC 2308 §5 (negative answers), RFC 2181 §8 (a TTL with the highest bit set is 0). */
export function parseRecursorMessage(bytes: Buffer): RecursorMessage | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  const isResponse = (flags & 0x8000) !== 0 && (flags & 0x7800) === 0;
  if (!isResponse || bytes.readUInt16BE(4) !== 1) return undefined;
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

/**
 * A copy without additional records but OPT: they may be of any zone, and nobody has vouched for them. An OPT has no name
 * that could point at what is left out.
 */
export function withoutAdditionals(bytes: Buffer, { question, records }: RecursorMessage): Buffer {
  const start = (i: number): number => records[i - 1]?.end ?? HEADER_BYTES + question.length;
  const first = records.findIndex(({ section }) => section === 'additional');
  if (first < 0) return bytes;
  const kept = records.flatMap(({ section, type, end }, i) =>
    section === 'additional' && type === RECORD_TYPE.OPT ? [bytes.subarray(start(i), end)] : [],
  );
  const out = Buffer.concat([bytes.subarray(0, start(first)), ...kept]);
  out.writeUInt16BE(kept.length, 10);
  return out;
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
      const ttlOffset = name.end + 4;
      const end = name.end + 10 + bytes.readUInt16BE(name.end + 8);
      if (end > bytes.length) return undefined;
      const ttl = bytes.readUInt32BE(ttlOffset);
      const ttlSeconds = ttl > 0x7fff_ffff ? 0 : ttl;
      records.push({
        owner: name.labels,
        type: bytes.readUInt16BE(name.end),
        section,
        ttlSeconds,
        ttlOffset,
        end,
      });
      at = end;
    }
  return records;
}

/** The minimum of all TTLs, for a negative answer including the minimum in its SOA. Source: RFC 2308 §5. */
function computeCacheTtl(bytes: Buffer, rcode: number, records: readonly ReceivedRecord[]): number {
  const data = records.filter(({ type }) => type !== RECORD_TYPE.OPT); // the TTL field of an OPT is no TTL
  const minTtl = Math.min(...data.map(({ ttlSeconds }) => ttlSeconds));
  if (rcode === RCODE.NOERROR && data.some(({ section }) => section === 'answer')) return minTtl;
  const soa = data.find(({ type, section }) => type === RECORD_TYPE.SOA && section === 'authority');
  return soa === undefined ? 0 : Math.min(minTtl, bytes.readUInt32BE(soa.end - 4));
}

/**
 * Reads a compressed name, in lower case. Each pointer must point in front of the labels that lead to it, so there can
 * be no loop.
 */
export function readName(bytes: Buffer, from: number): { labels: string[]; end: number } | undefined {
  const labels: string[] = [];
  let at = from;
  let labelsFrom = from;
  let end: number | undefined;
  let length = 1;
  for (;;) {
    const first = bytes[at];
    if (first === undefined) return undefined;
    if (first === 0) return { labels, end: end ?? at + 1 };
    if (first >= 0xc0) {
      const low = bytes[at + 1];
      const target = low === undefined ? labelsFrom : (first & 0x3f) * 256 + low;
      if (target >= labelsFrom || target < HEADER_BYTES) return undefined;
      end ??= at + 2;
      at = target;
      labelsFrom = target;
      continue;
    }
    length += first + 1;
    if (first > 63 || length > MAX_NAME_BYTES || at + 1 + first > bytes.length) return undefined;
    labels.push(bytes.toString('latin1', at + 1, at + 1 + first).toLowerCase());
    at += 1 + first;
  }
}
