/**
 * Parses DNS queries. The counts in the header are checked before anything else is read, so a query cannot make the
 * parser do more work than one question and two additional records. Never throws.
 */
import { CLASS, EDNS_CLIENT_SUBNET, RCODE, type Rcode, RECORD_TYPE } from './records.ts';

/** A parsed query, or the RCODE that refuses it. */
export interface DnsRequest {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
  /** Length of the whole query, in bytes. */
  readonly byteLength: number;
  /** Absent if there is not exactly one, or it is malformed. */
  readonly question: DnsQuestion | undefined;
  readonly edns: Edns | undefined;
  /** If set, the response has this RCODE and no records. */
  readonly errorRcode: Rcode | undefined;
}

export interface DnsQuestion {
  readonly labels: readonly string[];
  readonly type: number;
  /** Name, type and class as received; the response repeats them. */
  readonly raw: Uint8Array;
}

export interface Edns {
  /** UDP payload size of the client in bytes, as sent: not yet bounded. */
  readonly udpPayloadSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  /** Body of the client subnet option to echo, with scope 0. */
  readonly clientSubnet: Uint8Array | undefined;
}

const HEADER_BYTES = 12;
const MAX_ADDITIONALS = 2;
/** Type, class, TTL and data length of a record. */
const RECORD_HEADER_BYTES = 10;
const NO_OPTS: readonly OptPosition[] = [];

/**
 * Parses a query. `undefined` means that no response may be sent: the message has no whole header, or it is a response
 * itself (answering those could make two servers talk to each other for ever).
 *
 * Source: RFC 1035 §4.1; RFC 6891 §6.1; RFC 7871 §7.1; RFC 9619 (one question).
 */
export function parseDnsRequest(bytes: Buffer): DnsRequest | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  const opcode = (flags >> 11) & 0xf;
  const body = readBody(bytes, opcode);
  return {
    id: bytes.readUInt16BE(0),
    opcode,
    recursionDesired: (flags & 0x0100) !== 0,
    authenticData: (flags & 0x0020) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    byteLength: bytes.length,
    question: body.question,
    edns: body.edns,
    errorRcode: body.errorRcode,
  };
}

/** Accepts one question and at most two additional records, one of which may be an OPT. */
function readBody(bytes: Buffer, opcode: number): Pick<DnsRequest, 'question' | 'edns' | 'errorRcode'> {
  const malformed = opcode === 0 ? RCODE.FORMERR : RCODE.NOTIMP;
  const hasOneQuestion = bytes.readUInt16BE(4) === 1 && bytes.readUInt32BE(6) === 0;
  const additionals = bytes.readUInt16BE(10);
  const question = hasOneQuestion && additionals <= MAX_ADDITIONALS ? readQuestion(bytes) : undefined;
  if (question === undefined) return { question, edns: undefined, errorRcode: malformed };
  const opts = additionals === 0 ? NO_OPTS : readOpts(bytes, HEADER_BYTES + question.raw.length, additionals);
  if (opts === undefined) return { question: undefined, edns: undefined, errorRcode: malformed };
  const edns = opts[0] === undefined ? undefined : readEdns(bytes, opts[0]);
  if (edns === null || opts.length > 1) return { question, edns: undefined, errorRcode: malformed };
  return { question, edns, errorRcode: opcode !== 0 ? RCODE.NOTIMP : checkQuestion(question, edns) };
}

/** The RCODE of a well-formed query that is not answered. */
function checkQuestion({ raw, type }: DnsQuestion, edns: Edns | undefined): Rcode | undefined {
  if (edns !== undefined && edns.version > 0) return RCODE.BADVERS;
  const qclass = (raw.at(-2) as number) * 256 + (raw.at(-1) as number);
  if (qclass !== CLASS.IN && qclass !== CLASS.ANY) return RCODE.REFUSED;
  if (type === RECORD_TYPE.AXFR || type === RECORD_TYPE.IXFR) return RCODE.NOTIMP;
  return undefined;
}

/** Refuses compression pointers: nothing stands before a question that one could point at. */
function readQuestion(bytes: Buffer): DnsQuestion | undefined {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63) return undefined;
    at++;
    if (length === 0) break;
    labels.push(bytes.toString('utf8', at, at + length));
    at += length;
    if (at - HEADER_BYTES > 254) return undefined;
  }
  if (at + 4 > bytes.length) return undefined;
  return { labels, type: bytes.readUInt16BE(at), raw: bytes.subarray(HEADER_BYTES, at + 4) };
}

/** Offsets of an OPT record (`at`) and of its type field behind the owner name (`fields`). */
interface OptPosition {
  readonly at: number;
  readonly fields: number;
}

/** The OPT records among `count` additional records. `undefined`: a record is longer than the message. */
function readOpts(bytes: Buffer, from: number, count: number): readonly OptPosition[] | undefined {
  const opts: OptPosition[] = [];
  let at = from;
  for (let left = count; left > 0; left--) {
    const fields = skipName(bytes, at);
    if (fields === undefined || fields + RECORD_HEADER_BYTES > bytes.length) return undefined;
    const end = fields + RECORD_HEADER_BYTES + bytes.readUInt16BE(fields + 8);
    if (end > bytes.length) return undefined;
    if (bytes.readUInt16BE(fields) === RECORD_TYPE.OPT) opts.push({ at, fields });
    at = end;
  }
  return opts;
}

/** Offset behind the name at `from`. A compression pointer ends the name and is not followed. */
function skipName(bytes: Buffer, from: number): number | undefined {
  let at = from;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) return undefined;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length > 63 || at - from > 254) return undefined;
    at += 1 + length;
  }
}

/** `null`: malformed. Options other than the client subnet are ignored. */
function readEdns(bytes: Buffer, { at, fields }: OptPosition): Edns | null {
  if (bytes[at] !== 0) return null; // the owner of an OPT is the root
  const length = bytes.readUInt16BE(fields + 8);
  const options = fields + RECORD_HEADER_BYTES;
  const subnet = length === 0 ? undefined : readSubnet(bytes.subarray(options, options + length));
  if (subnet === null) return null;
  return {
    udpPayloadSize: bytes.readUInt16BE(fields + 2),
    version: bytes[fields + 5] as number,
    dnssecOk: ((bytes[fields + 6] as number) & 0x80) !== 0,
    clientSubnet: subnet,
  };
}

/** The client subnet among EDNS options. `null`: the options or the subnet are malformed. */
function readSubnet(options: Buffer): Uint8Array | undefined | null {
  let body: Buffer | undefined;
  for (let at = 0; at < options.length; ) {
    if (at + 4 > options.length) return null;
    const end = at + 4 + options.readUInt16BE(at + 2);
    if (end > options.length) return null;
    if (options.readUInt16BE(at) === EDNS_CLIENT_SUBNET) body ??= options.subarray(at + 4, end);
    at = end;
  }
  if (body === undefined) return undefined;
  const addressBytes = Math.ceil((body[2] ?? 0) / 8);
  if (body.length !== 4 + addressBytes || addressBytes > 16) return null;
  const subnet = Uint8Array.from(body);
  subnet[3] = 0; // scope: the answer is the same for every subnet
  return subnet;
}
