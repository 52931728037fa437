/**
 * Records as bytes, ready to be written in any order: all that does not depend on where they come to stand is encoded
 * here, once. What is left to the writer (encode.ts) is where names stand, and so what points at them.
 */
import { type NameNode, NameTree } from './name-tree.ts';
import { CLASS, type Item, type RecordData, type ResourceRecord, TYPE } from './records.ts';

/** One record. */
export interface Part {
  /** `undefined`: the name that was asked. */
  readonly owner: NameNode | undefined;
  /** Type, class, TTL, length, and the data up to its first name. The length is that of the data without its names. */
  readonly head: Uint8Array;
  /** The names in the data, each with the bytes behind it. */
  readonly names: readonly { readonly name: NameNode; readonly after: Uint8Array }[];
  /** What must travel with it in the additional section. What several share is one part. */
  readonly glue: readonly Part[];
  /** In which writing it was written last. */
  writing: number;
}

/** Where the length stands in `head`, and where the data begins. */
export const LENGTH_AT = 8;
const DATA_AT = 10;
const NOTHING = new Uint8Array(0);
/** Counts remembered by one answer: askers have few sizes, but a stranger may have any. */
const MAX_COUNTS = 16;

/** All records of one answer, their names in one tree. */
export class Parts {
  readonly tree = new NameTree();
  /** CNAMEs: they stand before all others and in their own order, for readers go along them. */
  readonly links: readonly Part[];
  /** In order of preference: what must be left out is left out from the end. */
  readonly items: readonly Part[];
  readonly authority: readonly Part[];
  readonly #counts = new Map<number, number>();
  #countsFor: NameNode | undefined;

  /** Throws `RangeError` on what cannot be written. */
  constructor(items: readonly Item[], authority: readonly ResourceRecord[] = []) {
    const glue = new Map<ResourceRecord, Part>();
    const shared = (record: ResourceRecord): Part => {
      const held = glue.get(record) ?? this.#part(record, NO_GLUE);
      glue.set(record, held);
      return held;
    };
    const parts = (some: readonly Item[]): Part[] =>
      some.map((item) =>
        this.#part(item.record, item.glue.length === 0 ? NO_GLUE : item.glue.map((record) => shared(record))),
      );
    this.links = parts(items.filter(isLink));
    this.items = parts(items.filter((item) => !isLink(item)));
    this.authority = authority.map((record) => this.#part(record, NO_GLUE));
  }

  /**
   * How many items fit is the same for all questions that know the same end of our names (`known`) and agree in `key`:
   * counted once.
   */
  count(known: NameNode, key: number): number | undefined {
    return this.#countsFor === known ? this.#counts.get(key) : undefined;
  }

  counted(known: NameNode, key: number, count: number): void {
    if (this.#countsFor !== known || this.#counts.size >= MAX_COUNTS) this.#counts.clear();
    this.#countsFor = known;
    this.#counts.set(key, count);
  }

  #part(record: ResourceRecord, glue: readonly Part[]): Part {
    const { before, names } = dataOf(record.data, this.tree);
    const head = Buffer.alloc(DATA_AT + before.length);
    head.writeUInt16BE(TYPE[record.data.type], 0);
    head.writeUInt16BE(CLASS.IN, 2);
    head.writeUInt32BE(record.ttlSeconds >>> 0, 4);
    head.writeUInt16BE(
      names.reduce((sum, { after }) => sum + after.length, before.length),
      LENGTH_AT,
    );
    head.set(before, DATA_AT);
    const owner = typeof record.owner === 'string' ? this.tree.of(record.owner) : undefined;
    return { owner, head: Uint8Array.from(head), names, glue, writing: 0 };
  }
}

const NO_GLUE: readonly Part[] = [];

const isLink = ({ record }: Item): boolean => record.data.type === 'CNAME';

interface Data {
  readonly before: Uint8Array;
  readonly names: Part['names'];
}

function dataOf(data: RecordData, tree: NameTree): Data {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return { before: data.ip, names: [] };
    case 'NS':
    case 'PTR':
    case 'CNAME':
      return { before: NOTHING, names: [{ name: tree.of(data.name), after: NOTHING }] };
    case 'SRV':
      // Differs: RFC 2782 forbids compressing the target; every client reads it, and 60 of them fit 4096 bytes.
      return {
        before: numbers16(data.priority, data.weight, data.port),
        names: [{ name: tree.of(data.target), after: NOTHING }],
      };
    case 'TXT':
      return { before: Buffer.concat(pieces(data.text).map(counted)), names: [] };
    case 'HINFO':
      return {
        before: Buffer.concat([data.cpu, data.os].map((text) => counted(Buffer.from(text)))),
        names: [],
      };
    case 'SOA': {
      const { serial, refreshSeconds, retrySeconds, expireSeconds, minimumSeconds } = data;
      return {
        before: NOTHING,
        names: [
          { name: tree.of(data.mname), after: NOTHING },
          {
            name: tree.of(data.rname),
            after: numbers32(serial, refreshSeconds, retrySeconds, expireSeconds, minimumSeconds),
          },
        ],
      };
    }
  }
}

/** Strings of a TXT: at most 255 bytes each, and one at least. */
function pieces(text: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let from = 0; from === 0 || from < text.length; from += 255) all.push(text.subarray(from, from + 255));
  return all;
}

const counted = (text: Uint8Array): Uint8Array => Uint8Array.of(text.length, ...text);

function numbers16(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16BE(value, 2 * i);
  return bytes;
}

function numbers32(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * i);
  return bytes;
}
