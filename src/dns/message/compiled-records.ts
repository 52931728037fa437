/**
 * Records compiled to bytes that can be placed in a message in any order. Only names stay symbolic: where a name
 * stands, and so which compression pointer replaces it, is known only when the message is encoded (encode.ts).
 */
import { type NameNode, NameTree } from './name-tree.ts';
import { type AnswerItem, CLASS, RECORD_TYPE, type RecordData, type ResourceRecord } from './records.ts';

/** A record whose names are still to be placed in a message. */
export interface CompiledRecord {
  /** `undefined`: the name in the question. */
  readonly owner: NameNode | undefined;
  /** Type, class, TTL, RDLENGTH, and the data up to its first name. RDLENGTH counts the data without its names. */
  readonly head: Uint8Array;
  /** The names in the data. */
  readonly names: readonly PlacedName[];
  /** Records for the additional section. Answers that need the same record share one object. */
  readonly additionals: readonly CompiledRecord[];
  /** Number of the message it was last encoded into. */
  generation: number;
}

/** A name in the data of a record. */
interface PlacedName {
  readonly name: NameNode;
  /** The bytes that follow it. */
  readonly after: Uint8Array;
  /** It is never replaced by a pointer. */
  readonly inFull?: boolean;
}

/** Offsets of RDLENGTH and of the data in `head`. */
export const RDLENGTH_OFFSET = 8;
const RDATA_OFFSET = 10;
const NOTHING = new Uint8Array(0);
/** Counts cached per answer. Clients announce few sizes, but an outsider may announce any. */
const MAX_COUNTS = 16;

/** All records of one answer, with their names in one tree. */
export class CompiledAnswer {
  readonly tree = new NameTree();
  /** The CNAME chain. It comes first and in order, since resolvers follow it record by record. */
  readonly cnames: readonly CompiledRecord[];
  /** In order of preference: truncation leaves out the last ones. */
  readonly items: readonly CompiledRecord[];
  /** How many of them, from the first on, are equally good: these are shuffled, and so are the others behind them. */
  readonly preferredCount: number;
  readonly authority: readonly CompiledRecord[];
  readonly #counts = new Map<number, number>();
  #countsSuffix: NameNode | undefined;

  /** Throws `RangeError` if a name cannot be written in DNS. */
  constructor(items: readonly AnswerItem[], authority: readonly ResourceRecord[] = []) {
    const compiledAdditionals = new Map<ResourceRecord, CompiledRecord>();
    const compileShared = (record: ResourceRecord): CompiledRecord => {
      const compiled = compiledAdditionals.get(record) ?? this.#compile(record, NO_ADDITIONALS);
      compiledAdditionals.set(record, compiled);
      return compiled;
    };
    const compileItem = ({ record, additionals }: AnswerItem): CompiledRecord =>
      this.#compile(record, additionals.length === 0 ? NO_ADDITIONALS : additionals.map(compileShared));
    this.cnames = items.filter(isCname).map(compileItem);
    const others = items.filter((item) => !isCname(item));
    this.items = others.map(compileItem);
    this.preferredCount = others.filter(({ last }) => last !== true).length;
    this.authority = authority.map((record) => this.#compile(record, NO_ADDITIONALS));
  }

  /**
   * The cached number of items that fit. It is the same for all questions with an equal `key` whose name shares the
   * same `suffix` with our names, since then compression saves the same bytes.
   */
  fittingCount(suffix: NameNode, key: number): number | undefined {
    return this.#countsSuffix === suffix ? this.#counts.get(key) : undefined;
  }

  cacheFittingCount(suffix: NameNode, key: number, count: number): void {
    if (this.#countsSuffix !== suffix || this.#counts.size >= MAX_COUNTS) this.#counts.clear();
    this.#countsSuffix = suffix;
    this.#counts.set(key, count);
  }

  #compile(record: ResourceRecord, additionals: readonly CompiledRecord[]): CompiledRecord {
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
    return { owner, head: Uint8Array.from(head), names, additionals, generation: 0 };
  }
}

const NO_ADDITIONALS: readonly CompiledRecord[] = [];

const isCname = ({ record }: AnswerItem): boolean => record.data.type === 'CNAME';

interface CompiledRdata {
  /** The data up to its first name. */
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
      // RFC 2782 forbids a pointer in the target. Go's resolver refused such answers until 1.22 (golang/go#36718).
      return {
        before: numbers16(data.priority, data.weight, data.port),
        names: [{ name: tree.insert(data.target), after: NOTHING, inFull: true }],
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

/** Character-strings of a TXT: at most 255 bytes each, at least one. */
function splitTxt(text: Uint8Array): Uint8Array[] {
  const strings: Uint8Array[] = [];
  for (let from = 0; from === 0 || from < text.length; from += 255)
    strings.push(text.subarray(from, from + 255));
  return strings;
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
