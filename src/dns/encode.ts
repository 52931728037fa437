/** An answer to bytes, names compressed. Which records go in is decided elsewhere (trim.ts). */
import type { Request } from './packet.ts';
import {
  ASKED,
  CLASS,
  type Item,
  type Name,
  type Rcode,
  type RecordData,
  type ResourceRecord,
  TYPE,
} from './records.ts';

export interface Message {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  /** Would we ask on for this asker? */
  readonly recursionAvailable?: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
}

/** What we accept in a datagram, as our OPT says. */
export const ACCEPTED_BYTES = 4096;
export const MAX_MESSAGE_BYTES = 65_535;

const QUESTION_AT = 12;
/** One record more than fits may be written before the limit is noticed: 64 KiB each. */
const scratch = Buffer.alloc(2 * 65_536 + 1024);

/**
 * The answer to `request`, or `undefined` if it would be longer than `limit` bytes. Repeats the question as it came and
 * adds an OPT if there was one.
 *
 * Source: RFC 1035 §4.1; §4.1.4 (compression); RFC 6891 §6.1.
 */
export function encode(request: Request, message: Message, limit: number): Buffer | undefined {
  const writer = new Writer(request);
  const sections = [message.answers, message.authority, message.additional];
  for (const section of sections)
    for (const record of section) {
      writer.record(record);
      if (writer.at > limit) return undefined;
    }
  if (request.edns !== undefined) writer.opt(message.rcode, request.edns.subnet);
  if (writer.at > limit) return undefined;
  const flags =
    0x8000 |
    (request.opcode << 11) |
    (message.authoritative ? 0x0400 : 0) |
    (message.truncated ? 0x0200 : 0) |
    (request.recursionDesired ? 0x0100 : 0) |
    (message.recursionAvailable === true ? 0x0080 : 0) |
    (message.rcode & 0xf);
  scratch.writeUInt16BE(request.id, 0);
  scratch.writeUInt16BE(flags, 2);
  scratch.writeUInt16BE(request.question === undefined ? 0 : 1, 4);
  scratch.writeUInt16BE(message.answers.length, 6);
  scratch.writeUInt16BE(message.authority.length, 8);
  scratch.writeUInt16BE(message.additional.length + (request.edns === undefined ? 0 : 1), 10);
  return Buffer.from(scratch.subarray(0, writer.at));
}

/** Names that start behind this cannot be pointed at. Source: RFC 1035 §4.1.4. */
export const POINTER_REACH = 0x4000;

/** An owner that is a pointer, type, class, TTL, length, and an IPv4 address. */
export const MIN_RECORD_BYTES = 16;

/**
 * How many of `items`, each with its glue, fit after `links`: the first ones. Names take the same room in whatever order
 * they are written, up to where pointers no longer reach; beyond that the count may be a little off.
 */
export function countFitting(
  request: Request,
  links: readonly Item[],
  items: readonly Item[],
  limit: number,
): number {
  const writer = new Writer(request);
  const room = limit - optBytes(request);
  const written = new Set<ResourceRecord>();
  const fits = (record: ResourceRecord): boolean => {
    if (!written.has(record)) writer.record(record);
    written.add(record);
    return writer.at <= room;
  };
  if (!links.every(({ record }) => fits(record))) return 0;
  for (const [i, { record, glue }] of items.entries()) if (!fits(record) || !glue.every(fits)) return i;
  return items.length;
}

const optBytes = ({ edns }: Request): number => {
  if (edns === undefined) return 0;
  return 11 + (edns.subnet === undefined ? 0 : 4 + edns.subnet.length);
};

class Writer {
  at = QUESTION_AT;
  /** Where a name, or the end of one, was written. Letters count: the answer keeps the case it was asked in. */
  readonly #places = new Map<Name, number>();

  constructor(request: Request) {
    if (request.question === undefined) return;
    this.#bytes(request.question.raw);
    this.#learn(request.question.labels, this.at - 5); // root label, type and class end it
  }

  record(record: ResourceRecord): void {
    if (record.owner === ASKED) this.#u16(0xc000 | QUESTION_AT);
    else this.#name(record.owner);
    this.#u16(TYPE[record.data.type]);
    this.#u16(CLASS.IN);
    this.#u32(record.ttlSeconds);
    const lengthAt = this.at;
    this.at += 2;
    this.#data(record.data);
    scratch.writeUInt16BE(this.at - lengthAt - 2, lengthAt);
  }

  /** The upper bits of the rcode live here; version 0, no flags. */
  opt(rcode: Rcode, subnet: Uint8Array | undefined): void {
    this.#u8(0);
    this.#u16(TYPE.OPT);
    this.#u16(ACCEPTED_BYTES);
    this.#u32((rcode >> 4) << 24);
    if (subnet === undefined) {
      this.#u16(0);
      return;
    }
    this.#u16(subnet.length + 4);
    this.#u16(8);
    this.#u16(subnet.length);
    this.#bytes(subnet);
  }

  #data(data: RecordData): void {
    switch (data.type) {
      case 'A':
      case 'AAAA':
        this.#bytes(data.ip);
        return;
      case 'NS':
      case 'PTR':
      case 'CNAME':
        this.#name(data.name);
        return;
      case 'SRV':
        this.#u16(data.priority);
        this.#u16(data.weight);
        this.#u16(data.port);
        // Differs: RFC 2782 forbids compressing the target; every client reads it, and 60 of them fit 4096 bytes.
        this.#name(data.target);
        return;
      case 'TXT':
        for (let from = 0; from === 0 || from < data.text.length; from += 255)
          this.#string(data.text.subarray(from, from + 255));
        return;
      case 'HINFO':
        this.#string(Buffer.from(data.cpu));
        this.#string(Buffer.from(data.os));
        return;
      case 'SOA':
        this.#name(data.mname);
        this.#name(data.rname);
        this.#u32(data.serial);
        this.#u32(data.refreshSeconds);
        this.#u32(data.retrySeconds);
        this.#u32(data.expireSeconds);
        this.#u32(data.minimumSeconds);
        return;
    }
  }

  /** Labels until the rest was written before; then a pointer there. Throws on what cannot be a name. */
  #name(name: Name): void {
    if (name.length > 253) throw new RangeError('a name longer than 253 bytes');
    let rest = name;
    while (rest !== '') {
      const place = this.#places.get(rest);
      if (place !== undefined) {
        this.#u16(0xc000 | place);
        return;
      }
      if (this.at < POINTER_REACH) this.#places.set(rest, this.at);
      const dot = rest.indexOf('.');
      const length = scratch.write(dot < 0 ? rest : rest.slice(0, dot), this.at + 1);
      if (length === 0 || length > 63) throw new RangeError('a label that is empty or longer than 63 bytes');
      scratch[this.at] = length;
      this.at += length + 1;
      rest = dot < 0 ? '' : rest.slice(dot + 1);
    }
    this.#u8(0);
  }

  /** Remembers the ends of the asked name, as far as plain text tells them apart. */
  #learn(labels: readonly string[], end: number): void {
    let place = end;
    let rest = '';
    for (let i = labels.length - 1; i >= 0; i--) {
      const label = labels[i] as string;
      if (!/^[\x21-\x2d\x2f-\x7e]+$/.test(label)) return;
      place -= label.length + 1;
      rest = rest === '' ? label : `${label}.${rest}`;
      this.#places.set(rest, place);
    }
  }

  #string(bytes: Uint8Array): void {
    this.#u8(bytes.length);
    this.#bytes(bytes);
  }

  #bytes(bytes: Uint8Array): void {
    scratch.set(bytes, this.at);
    this.at += bytes.length;
  }

  #u8(value: number): void {
    scratch[this.at++] = value;
  }

  #u16(value: number): void {
    this.at = scratch.writeUInt16BE(value, this.at);
  }

  #u32(value: number): void {
    this.at = scratch.writeUInt32BE(value >>> 0, this.at);
  }
}
