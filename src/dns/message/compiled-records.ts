/**
 * Records as bytes, ready to be written in any order: all that does not depend on where they come to stand is encoded
 * here, once. What is left to the writer (encode.ts) is where names stand, and so what points at them.
 */
import { type NameNode, NameTree } from './name-tree.ts';
import { type AnswerItem, CLASS, RECORD_TYPE, type RecordData, type ResourceRecord } from './records.ts';

/** One record. */
export interface CompiledRecord {
  /** `undefined`: the name that was asked. */
  readonly owner: NameNode | undefined;
  /** Type, class, TTL, length, and the data up to its first name. The length is that of the data without its names. */
  readonly head: Uint8Array;
  /** The names in the data, each with the bytes behind it. */
  readonly names: readonly { readonly name: NameNode; readonly after: Uint8Array }[];
  /** What must travel with it in the additional section. What several share is one part. */
  readonly additionals: readonly CompiledRecord[];
  /** In which writing it was written last. */
  generation: number;
}

/** Where the length stands in `head`, and where the data begins. */
export const RDLENGTH_OFFSET = 8;
const RDATA_OFFSET = 10;
const NOTHING = new Uint8Array(0);
/** Counts remembered by one answer: askers have few sizes, but a stranger may have any. */
const MAX_COUNTS = 16;

/** All records of one answer, their names in one tree. */
export class CompiledAnswer {
  readonly tree = new NameTree();
  /** CNAMEs: they stand before all others and in their own order, for readers go along them. */
  readonly cnames: readonly CompiledRecord[];
  /** In order of preference: what must be left out is left out from the end. */
  readonly items: readonly CompiledRecord[];
  readonly authority: readonly CompiledRecord[];
  readonly #counts = new Map<number, number>();
  #countsSuffix: NameNode | undefined;

  /** Throws `RangeError` on what cannot be written. */
  constructor(items: readonly AnswerItem[], authority: readonly ResourceRecord[] = []) {
    const glue = new Map<ResourceRecord, CompiledRecord>();
    const shared = (record: ResourceRecord): CompiledRecord => {
      const held = glue.get(record) ?? this.#compile(record, NO_ADDITIONALS);
      glue.set(record, held);
      return held;
    };
    const parts = (some: readonly AnswerItem[]): CompiledRecord[] =>
      some.map((item) =>
        this.#compile(
          item.record,
          item.additionals.length === 0 ? NO_ADDITIONALS : item.additionals.map((record) => shared(record)),
        ),
      );
    this.cnames = parts(items.filter(isCname));
    this.items = parts(items.filter((item) => !isCname(item)));
    this.authority = authority.map((record) => this.#compile(record, NO_ADDITIONALS));
  }

  /**
   * How many items fit is the same for all questions that know the same end of our names (`known`) and agree in `key`:
   * counted once.
   */
  fittingCount(known: NameNode, key: number): number | undefined {
    return this.#countsSuffix === known ? this.#counts.get(key) : undefined;
  }

  cacheFittingCount(known: NameNode, key: number, count: number): void {
    if (this.#countsSuffix !== known || this.#counts.size >= MAX_COUNTS) this.#counts.clear();
    this.#countsSuffix = known;
    this.#counts.set(key, count);
  }

  #compile(record: ResourceRecord, glue: readonly CompiledRecord[]): CompiledRecord {
    const { before, names } = compileRdata(record.data, this.tree);
    const head = Buffer.alloc(RDATA_OFFSET + before.length);
    head.writeUInt16BE(RECORD_TYPE[record.data.type], 0);
    head.writeUInt16BE(CLASS.IN, 2);
    head.writeUInt32BE(record.ttlSeconds >>> 0, 4);
    head.writeUInt16BE(
      names.reduce((sum, { after }) => sum + after.length, before.length),
      RDLENGTH_OFFSET,
    );
    head.set(before, RDATA_OFFSET);
    const owner = typeof record.owner === 'string' ? this.tree.insert(record.owner) : undefined;
    return { owner, head: Uint8Array.from(head), names, additionals: glue, generation: 0 };
  }
}

const NO_ADDITIONALS: readonly CompiledRecord[] = [];

const isCname = ({ record }: AnswerItem): boolean => record.data.type === 'CNAME';

interface CompiledRdata {
  readonly before: Uint8Array;
  readonly names: CompiledRecord['names'];
}

function compileRdata(data: RecordData, tree: NameTree): CompiledRdata {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return { before: data.ip, names: [] };
    case 'NS':
    case 'PTR':
    case 'CNAME':
      return { before: NOTHING, names: [{ name: tree.insert(data.name), after: NOTHING }] };
    case 'SRV':
      // Differs: RFC 2782 forbids compressing the target; every client reads it, and 60 of them fit 4096 bytes.
      return {
        before: numbers16(data.priority, data.weight, data.port),
        names: [{ name: tree.insert(data.target), after: NOTHING }],
      };
    case 'TXT':
      return { before: Buffer.concat(splitTxt(data.text).map(toCharacterString)), names: [] };
    case 'HINFO':
      return {
        before: Buffer.concat([data.cpu, data.os].map((text) => toCharacterString(Buffer.from(text)))),
        names: [],
      };
    case 'SOA': {
      const { serial, refreshSeconds, retrySeconds, expireSeconds, minimumSeconds } = data;
      return {
        before: NOTHING,
        names: [
          { name: tree.insert(data.mname), after: NOTHING },
          {
            name: tree.insert(data.rname),
            after: numbers32(serial, refreshSeconds, retrySeconds, expireSeconds, minimumSeconds),
          },
        ],
      };
    }
  }
}

/** Strings of a TXT: at most 255 bytes each, and one at least. */
function splitTxt(text: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let from = 0; from === 0 || from < text.length; from += 255) all.push(text.subarray(from, from + 255));
  return all;
}

const toCharacterString = (text: Uint8Array): Uint8Array => Uint8Array.of(text.length, ...text);

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
