/** Encodes responses with name compression. Which records go in is decided in `truncate.ts`. */
import { type CompiledAnswer, type CompiledRecord, RDLENGTH_OFFSET } from './compiled-records.ts';
import type { NameNode } from './name-tree.ts';
import { EDNS_CLIENT_SUBNET, type Rcode, RECORD_TYPE } from './records.ts';
import type { DnsRequest } from './request.ts';

/** Header fields of a response that the request does not determine. */
export interface ResponseHeader {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  /** Would a query of this client be forwarded to a recursor? */
  readonly recursionAvailable?: boolean;
}

/** The records of one response. */
export interface MessageSections {
  /** Records of the compiled answer, in the order in which they are written. */
  readonly answers: readonly CompiledRecord[];
  readonly authority: readonly CompiledRecord[];
  /** Write the additional records of the answers, each once. */
  readonly withAdditionals: boolean;
  /** The TC bit. */
  readonly truncated: boolean;
}

/** The UDP payload size in our OPT: what this server accepts in one datagram. */
export const ADVERTISED_UDP_BYTES = 4096;
export const MAX_MESSAGE_BYTES = 65_535;

const QUESTION_AT = 12;
/** Room for a full message and one more record of up to 64 KiB, which is written before the limit is checked. */
const scratch = Buffer.alloc(2 * 65_536 + 1024);
const SHORT_BYTES = 256;
/** Number of the message being encoded. Offsets that names and records noted for an older number are void. */
let generations = 0;

/**
 * The response to `request`, or `undefined` if it would be longer than `limit` bytes. Repeats the question as received,
 * and has an OPT if the request had one.
 *
 * Source: RFC 1035 §4.1; §4.1.4 (compression); RFC 6891 §6.1.
 */
export function encodeResponse(
  request: DnsRequest,
  header: ResponseHeader,
  compiled: CompiledAnswer,
  { answers, authority, withAdditionals, truncated }: MessageSections,
  limit: number,
): Buffer | undefined {
  const writer = new MessageWriter(request, compiled);
  for (const record of answers) {
    writer.record(record);
    if (writer.at > limit) return undefined;
  }
  for (const record of authority) writer.record(record);
  let additionalCount = 0;
  if (withAdditionals)
    for (const { additionals } of answers)
      for (const record of additionals) {
        if (writer.hasWritten(record)) continue;
        writer.record(record);
        additionalCount++;
        if (writer.at > limit) return undefined;
      }
  if (request.edns !== undefined) {
    writer.opt(header.rcode, request.edns.clientSubnet);
    additionalCount++;
  }
  if (writer.at > limit) return undefined;
  const flags =
    0x8000 |
    (request.opcode << 11) |
    (header.authoritative ? 0x0400 : 0) |
    (truncated ? 0x0200 : 0) |
    (request.recursionDesired ? 0x0100 : 0) |
    (header.recursionAvailable === true ? 0x0080 : 0) |
    (header.rcode & 0xf);
  const end = writer.at;
  writer.at = 0;
  writer.u16(request.id);
  writer.u16(flags);
  writer.u16(request.question === undefined ? 0 : 1);
  writer.u16(answers.length);
  writer.u16(authority.length);
  writer.u16(additionalCount);
  const message = Buffer.allocUnsafe(end);
  copy(scratch, message, 0, end);
  return message;
}

/** Compression pointers have 14 bits: no name from this offset on can be pointed at. Source: RFC 1035 §4.1.4. */
export const POINTER_LIMIT = 0x4000;

/** The shortest record: a pointer as owner, type, class, TTL, RDLENGTH, and an IPv4 address. */
export const MIN_RECORD_BYTES = 16;

/**
 * How many of the first `maxItems` items, each with its additional records, fit behind the CNAME chain. Within reach of
 * compression pointers names take the same room in any order, so one pass counts; in longer messages `recount` corrects
 * that estimate. The count is cached, so `maxItems` must be the same for the same `limit`.
 */
export function countFitting(
  request: DnsRequest,
  compiled: CompiledAnswer,
  maxItems: number,
  limit: number,
  recount: (estimate: number) => number,
): number {
  const writer = new MessageWriter(request, compiled);
  const room = limit - optBytes(request);
  const key = room * 512 + writer.at; // a question ends before 512
  const cached = compiled.fittingCount(writer.knownSuffix, key);
  if (cached !== undefined) return cached;
  const estimate = countPrefix(compiled, maxItems, (record) => {
    if (!writer.hasWritten(record)) writer.record(record);
    return writer.at <= room;
  });
  const count = limit <= POINTER_LIMIT ? estimate : recount(estimate);
  compiled.cacheFittingCount(writer.knownSuffix, key, count);
  return count;
}

function countPrefix(
  { cnames, items }: CompiledAnswer,
  maxItems: number,
  fits: (record: CompiledRecord) => boolean,
): number {
  if (!cnames.every(fits)) return 0;
  const count = Math.min(maxItems, items.length);
  for (let i = 0; i < count; i++) {
    const item = items[i] as CompiledRecord;
    if (!fits(item) || !item.additionals.every(fits)) return i;
  }
  return count;
}

const optBytes = ({ edns }: DnsRequest): number => {
  if (edns === undefined) return 0;
  return 11 + (edns.clientSubnet === undefined ? 0 : 4 + edns.clientSubnet.length);
};

/** Writes a message into the shared scratch buffer, from the question on. Only the newest writer may be used. */
class MessageWriter {
  at = QUESTION_AT;
  /** The longest suffix of the question's name that is also in the answer's name tree. */
  readonly knownSuffix: NameNode;
  readonly #generation: number;

  constructor({ question }: DnsRequest, { tree }: CompiledAnswer) {
    generations++;
    this.#generation = generations;
    this.knownSuffix = tree.root;
    if (question === undefined) return;
    this.#bytes(question.raw);
    const end = this.at - 5; // before the root label, type and class
    this.knownSuffix = this.#indexQuestionName(question.labels, tree.root, end);
  }

  hasWritten(record: CompiledRecord): boolean {
    return record.generation === this.#generation;
  }

  record(record: CompiledRecord): void {
    const { owner, head, names } = record;
    record.generation = this.#generation;
    if (owner === undefined) this.u16(0xc000 | QUESTION_AT);
    else this.#name(owner);
    const rdlengthAt = this.at + RDLENGTH_OFFSET;
    this.#bytes(head);
    if (names.length === 0) return;
    for (const { name, after, inFull } of names) {
      if (inFull === true) this.#nameInFull(name);
      else this.#name(name);
      this.#bytes(after);
    }
    const rdlength = this.at - rdlengthAt - 2;
    scratch[rdlengthAt] = rdlength >> 8;
    scratch[rdlengthAt + 1] = rdlength & 0xff;
  }

  /** OPT with the upper bits of the RCODE, EDNS version 0, no flags. */
  opt(rcode: Rcode, subnet: Uint8Array | undefined): void {
    this.#u8(0);
    this.u16(RECORD_TYPE.OPT);
    this.u16(ADVERTISED_UDP_BYTES);
    this.u16((rcode >> 4) << 8);
    this.u16(0);
    if (subnet === undefined) {
      this.u16(0);
      return;
    }
    this.u16(subnet.length + 4);
    this.u16(EDNS_CLIENT_SUBNET);
    this.u16(subnet.length);
    this.#bytes(subnet);
  }

  u16(value: number): void {
    scratch[this.at] = value >> 8;
    scratch[this.at + 1] = value & 0xff;
    this.at += 2;
  }

  /** Writes labels up to a suffix that stands in the message already, then a pointer to it. */
  #name(name: NameNode): void {
    for (let node = name; node.parent !== undefined; node = node.parent) {
      if (node.generation === this.#generation) {
        this.u16(0xc000 | node.offset);
        return;
      }
      if (this.at < POINTER_LIMIT) this.#recordOffset(node, this.at);
      this.#bytes(node.label);
    }
    this.#u8(0);
  }

  /** Writes all labels. Names that follow may still point at them. */
  #nameInFull(name: NameNode): void {
    for (let node = name; node.parent !== undefined; node = node.parent) {
      if (node.generation !== this.#generation && this.at < POINTER_LIMIT) this.#recordOffset(node, this.at);
      this.#bytes(node.label);
    }
    this.#u8(0);
  }

  /**
   * Notes the offsets of the question's suffixes that are in the tree, and returns the longest. Stops at a label that
   * dotted text could confuse with another. Case-sensitive, since answers keep their letter case.
   */
  #indexQuestionName(labels: readonly string[], root: NameNode, end: number): NameNode {
    let offset = end;
    let suffix = root;
    for (let i = labels.length - 1; i >= 0; i--) {
      const label = labels[i] as string;
      const node = suffix.findChild(label);
      if (node === undefined || !/^[\x21-\x2d\x2f-\x7e]+$/.test(label)) break;
      offset -= label.length + 1;
      this.#recordOffset(node, offset);
      suffix = node;
    }
    return suffix;
  }

  #recordOffset(node: NameNode, offset: number): void {
    node.offset = offset;
    node.generation = this.#generation;
  }

  #bytes(bytes: Uint8Array): void {
    copy(bytes, scratch, this.at, bytes.length);
    this.at += bytes.length;
  }

  #u8(value: number): void {
    scratch[this.at++] = value;
  }
}

/**
 * Copies the first `length` bytes. Most copies are short, and for those a loop costs less than a call into the runtime.
 */
function copy(from: Uint8Array, to: Uint8Array, at: number, length: number): void {
  if (length > SHORT_BYTES) to.set(from.subarray(0, length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[i] as number;
}
