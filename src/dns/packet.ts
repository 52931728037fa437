/**
 * A question from bytes. The header is looked at before anything is decoded, because it alone says how much there would
 * be to decode. Total: whatever the bytes are, this returns.
 */
import { type Answer, decode, type OptAnswer } from 'dns-packet';
import { CLASS, RCODE, type Rcode, TYPE } from './records.ts';

/** What was asked, or what is wrong with it. */
export interface Request {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
  /** Length of the whole query, in bytes. */
  readonly bytes: number;
  /** Absent when there is none, or none that can be read. */
  readonly question: Question | undefined;
  readonly edns: Edns | undefined;
  /** Set: answer with this and nothing else. */
  readonly fault: Rcode | undefined;
}

export interface Question {
  readonly labels: readonly string[];
  readonly type: number;
  /** Name, type and class as they came, for the answer to repeat. */
  readonly raw: Uint8Array;
}

export interface Edns {
  /** What the asker can take, in bytes; not yet bounded. */
  readonly size: number;
  readonly dnssecOk: boolean;
  /** The body of a client subnet option as it is echoed: scope 0. */
  readonly subnet: Uint8Array | undefined;
}

const HEADER_BYTES = 12;
const MAX_ADDITIONALS = 2;

/**
 * Reads a query. `undefined`: say nothing (too short to answer, or an answer itself, which could make two servers talk
 * to each other for ever).
 *
 * Source: RFC 1035 §4.1; RFC 6891 §6.1; RFC 7871 §7.1; RFC 9619 (one question).
 */
export function readQuery(bytes: Buffer): Request | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const flags = bytes.readUInt16BE(2);
  if ((flags & 0x8000) !== 0) return undefined;
  const opcode = (flags >> 11) & 0xf;
  const head = {
    id: bytes.readUInt16BE(0),
    opcode,
    recursionDesired: (flags & 0x0100) !== 0,
    authenticData: (flags & 0x0020) !== 0,
    checkingDisabled: (flags & 0x0010) !== 0,
    bytes: bytes.length,
    question: undefined,
    edns: undefined,
  };
  const wrong = opcode === 0 ? RCODE.FORMERR : RCODE.NOTIMP;
  if (bytes.readUInt16BE(4) !== 1) return { ...head, fault: wrong };
  if (bytes.readUInt16BE(6) !== 0 || bytes.readUInt16BE(8) !== 0) return { ...head, fault: wrong };
  if (bytes.readUInt16BE(10) > MAX_ADDITIONALS) return { ...head, fault: wrong };

  const question = readQuestion(bytes);
  const additionals = question === undefined ? undefined : readAdditionals(bytes);
  if (question === undefined || additionals === undefined) return { ...head, fault: wrong };
  const opts = additionals.filter((record) => record.type === 'OPT');
  const edns = opts[0] === undefined ? undefined : readEdns(opts[0]);
  if (edns === null || opts.length > 1) return { ...head, question, fault: wrong };
  const fault = opcode !== 0 ? RCODE.NOTIMP : faultOf(question, opts[0]);
  return { ...head, question, edns, fault };
}

function faultOf(question: Question, opt: OptAnswer | undefined): Rcode | undefined {
  if (opt !== undefined && opt.ednsVersion > 0) return RCODE.BADVERS;
  const asked = (question.raw.at(-2) as number) * 256 + (question.raw.at(-1) as number);
  if (asked !== CLASS.IN && asked !== CLASS.ANY) return RCODE.REFUSED;
  if (question.type === TYPE.AXFR || question.type === TYPE.IXFR) return RCODE.NOTIMP;
  return undefined;
}

/** Labels as text; pointers have nothing to point at in a question. */
function readQuestion(bytes: Buffer): Question | undefined {
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

function readAdditionals(bytes: Buffer): readonly Answer[] | undefined {
  try {
    return decode(bytes).additionals ?? [];
  } catch {
    return undefined; // cut short, or pointers that lead nowhere
  }
}

/** `null`: it breaks its own rules. Options other than the client subnet are ignored. */
function readEdns(opt: OptAnswer): Edns | null {
  if (opt.name !== '.') return null;
  const { udpPayloadSize: size, flag_do: dnssecOk } = opt;
  const option = opt.options.find((one) => one.code === 8);
  if (option === undefined) return { size, dnssecOk, subnet: undefined };
  const body = option.data;
  if (body === undefined || body.length < 4) return null;
  const octets = Math.ceil((body[2] as number) / 8);
  if (body.length !== 4 + octets || octets > 16) return null;
  const subnet = Uint8Array.from(body);
  subnet[3] = 0; // the answer is the same for every subnet
  return { size, dnssecOk, subnet };
}
