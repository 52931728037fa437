/** An answer to bytes, names compressed. Which records go in is decided elsewhere (trim.ts). */

import { type CompiledAnswer, type CompiledRecord, RDLENGTH_OFFSET } from './compiled-records.ts';
import type { NameNode } from './name-tree.ts';
import { type Rcode, RECORD_TYPE } from './records.ts';
import type { DnsRequest } from './request.ts';

/** What the header says besides what the question said. */
export interface ResponseHeader {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  /** Would we ask on for this asker? */
  readonly recursionAvailable?: boolean;
}

/** What goes in. */
export interface MessageSections {
  /** Of the parts' own, in the order in which they are to stand. */
  readonly answers: readonly CompiledRecord[];
  readonly authority: readonly CompiledRecord[];
  /** With what must travel with the answers, each once. */
  readonly withAdditionals: boolean;
  readonly truncated: boolean;
}

/** What we accept in a datagram, as our OPT says. */
export const ADVERTISED_UDP_BYTES = 4096;
export const MAX_MESSAGE_BYTES = 65_535;

const QUESTION_AT = 12;
/** One record more than fits may be written before the limit is noticed: 64 KiB each. */
const scratch = Buffer.alloc(2 * 65_536 + 1024);
const SHORT_BYTES = 256;
/** Each writing has a number of its own: what names and parts note about others is void. */
let generations = 0;

/**
 * The answer to `request`, or `undefined` if it would be longer than `limit` bytes. Repeats the question as it came and
 * adds an OPT if there was one.
 *
 * Source: RFC 1035 §4.1; §4.1.4 (compression); RFC 6891 §6.1.
 */
export function encodeResponse(
  request: DnsRequest,
  head: ResponseHeader,
  parts: CompiledAnswer,
  { answers, authority, withAdditionals: glued, truncated }: MessageSections,
  limit: number,
): Buffer | undefined {
  const writer = new MessageWriter(request, parts);
  for (const part of answers) {
    writer.record(part);
    if (writer.at > limit) return undefined;
  }
  for (const part of authority) writer.record(part);
  let additional = 0;
  if (glued)
    for (const { additionals: glue } of answers)
      for (const part of glue) {
        if (writer.hasWritten(part)) continue;
        writer.record(part);
        additional++;
        if (writer.at > limit) return undefined;
      }
  if (request.edns !== undefined) {
    writer.opt(head.rcode, request.edns.clientSubnet);
    additional++;
  }
  if (writer.at > limit) return undefined;
  const flags =
    0x8000 |
    (request.opcode << 11) |
    (head.authoritative ? 0x0400 : 0) |
    (truncated ? 0x0200 : 0) |
    (request.recursionDesired ? 0x0100 : 0) |
    (head.recursionAvailable === true ? 0x0080 : 0) |
    (head.rcode & 0xf);
  const end = writer.at;
  writer.at = 0;
  writer.u16(request.id);
  writer.u16(flags);
  writer.u16(request.question === undefined ? 0 : 1);
  writer.u16(answers.length);
  writer.u16(authority.length);
  writer.u16(additional);
  const answer = Buffer.allocUnsafe(end);
  copy(scratch, answer, 0, end);
  return answer;
}

/** Names that start behind this cannot be pointed at. Source: RFC 1035 §4.1.4. */
export const POINTER_LIMIT = 0x4000;

/** An owner that is a pointer, type, class, TTL, length, and an IPv4 address. */
export const MIN_RECORD_BYTES = 16;

/**
 * How many of the first `most` items, each with its glue, fit after the links: the first ones. Names take the same room in
 * whatever order they are written, up to where pointers no longer reach; beyond that `more` is asked for the count, given
 * one that may be a little off. `most` must be the same for the same `limit`: what was counted is remembered.
 */
export function countFitting(
  request: DnsRequest,
  parts: CompiledAnswer,
  most: number,
  limit: number,
  more: (count: number) => number,
): number {
  const writer = new MessageWriter(request, parts);
  const room = limit - optBytes(request);
  const key = room * 512 + writer.at; // a question ends before 512
  const held = parts.fittingCount(writer.knownSuffix, key);
  if (held !== undefined) return held;
  const first = prefix(parts, most, (part) => {
    if (!writer.hasWritten(part)) writer.record(part);
    return writer.at <= room;
  });
  const count = limit <= POINTER_LIMIT ? first : more(first);
  parts.cacheFittingCount(writer.knownSuffix, key, count);
  return count;
}

function prefix(
  { cnames: links, items }: CompiledAnswer,
  most: number,
  fits: (part: CompiledRecord) => boolean,
): number {
  if (!links.every(fits)) return 0;
  const all = Math.min(most, items.length);
  for (let i = 0; i < all; i++) {
    const part = items[i] as CompiledRecord;
    if (!fits(part) || !part.additionals.every(fits)) return i;
  }
  return all;
}

const optBytes = ({ edns }: DnsRequest): number => {
  if (edns === undefined) return 0;
  return 11 + (edns.clientSubnet === undefined ? 0 : 4 + edns.clientSubnet.length);
};

/** Into the scratch, from the question on. Only the one that was made last may write. */
class MessageWriter {
  at = QUESTION_AT;
  /** The longest end of the question's name that is a name of ours too. */
  readonly knownSuffix: NameNode;
  readonly #generation: number;

  constructor({ question }: DnsRequest, { tree }: CompiledAnswer) {
    generations++;
    this.#generation = generations;
    this.knownSuffix = tree.root;
    if (question === undefined) return;
    this.#bytes(question.raw);
    this.knownSuffix = this.#indexQuestionName(question.labels, tree.root, this.at - 5); // root label, type and class end it
  }

  /** Is it in the message already? */
  hasWritten(part: CompiledRecord): boolean {
    return part.generation === this.#generation;
  }

  record(part: CompiledRecord): void {
    const { owner, head, names } = part;
    part.generation = this.#generation;
    if (owner === undefined) this.u16(0xc000 | QUESTION_AT);
    else this.#name(owner);
    const lengthAt = this.at + RDLENGTH_OFFSET;
    this.#bytes(head);
    if (names.length === 0) return;
    for (const { name, after } of names) {
      this.#name(name);
      this.#bytes(after);
    }
    const length = this.at - lengthAt - 2;
    scratch[lengthAt] = length >> 8;
    scratch[lengthAt + 1] = length & 0xff;
  }

  /** The upper bits of the rcode live here; version 0, no flags. */
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
    this.u16(8);
    this.u16(subnet.length);
    this.#bytes(subnet);
  }

  u16(value: number): void {
    scratch[this.at] = value >> 8;
    scratch[this.at + 1] = value & 0xff;
    this.at += 2;
  }

  /** Labels until the rest was written before; then a pointer there. */
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

  /** Remembers the ends of the asked name, as far as plain text tells them apart. Letters count: answers keep the case. */
  #indexQuestionName(labels: readonly string[], root: NameNode, end: number): NameNode {
    let place = end;
    let known = root;
    for (let i = labels.length - 1; i >= 0; i--) {
      const label = labels[i] as string;
      const node = known.findChild(label);
      if (node === undefined || !/^[\x21-\x2d\x2f-\x7e]+$/.test(label)) break;
      place -= label.length + 1;
      this.#recordOffset(node, place);
      known = node;
    }
    return known;
  }

  #recordOffset(node: NameNode, place: number): void {
    node.offset = place;
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

/** The first `length` bytes. For the short ones, which are the most, a loop costs less than a call into the runtime. */
function copy(from: Uint8Array, to: Uint8Array, at: number, length: number): void {
  if (length > SHORT_BYTES) to.set(from.subarray(0, length), at);
  else for (let i = 0; i < length; i++) to[at + i] = from[i] as number;
}
