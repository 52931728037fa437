/**
 * What one agent tells another that asks why a member was blamed: the payload of a query's answer. Rows are of one
 * shape, numbers and texts; what they mean is agent/evidence's. Within a format kinds may be added, and parts at the end
 * of a row: readers pass over what they do not know, and refuse other formats.
 */
import { WireError } from '../base/errors.ts';
import { row } from './entry.ts';
import type { Reader, Writer } from './msgpack.ts';
import { decode, list, optional, struct, TEXT, U64, u16 } from './struct.ts';

/** Of the payload, which is no message of its own. */
const TYPE = 1;
const FORMAT = 1;
/** Far above what fits one answer. */
const MAX_ROWS = 64;
const MAX_NUMBERS = 12;
const MAX_TEXTS = 16;
/** A name has 128 bytes, an address fewer. */
const MAX_TEXT = 128;
/** A month: nobody keeps anything for longer. */
const MAX_AGE = 31 * 86_400_000;

export interface TestimonyRow {
  readonly kind: number;
  /** Milliseconds before the answer, first and last. */
  readonly age: number;
  readonly lastAge: number;
  readonly times: number;
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
}

const NUMBERS = list('', MAX_NUMBERS, U64);
const TEXTS = list('', MAX_TEXTS, TEXT);

const ROW = {
  read: (reader: Reader): TestimonyRow =>
    row(reader, 6, () => {
      const [kind, age, lastAge, times] = [reader.uint(), reader.uint(), reader.uint(), reader.uint()];
      return checked({ kind, age, lastAge, times, numbers: NUMBERS.read(reader), texts: TEXTS.read(reader) });
    }),
  write: (writer: Writer, { kind, age, lastAge, times, numbers, texts }: TestimonyRow): void => {
    writer.arrayHeader(6);
    for (const value of [kind, age, lastAge, times]) writer.uint(value);
    NUMBERS.write(writer, numbers);
    TEXTS.write(writer, texts);
  },
};

const Testimony = struct('testimony', TYPE, {
  format: u16('f'),
  rows: optional(list('r', MAX_ROWS, ROW)),
});

/** Shares memory with other results: copy what is kept. */
export const encodeTestimony = (rows: readonly TestimonyRow[]): Uint8Array =>
  Testimony.encode({ format: FORMAT, rows });

/** Throws `WireError`. */
export function decodeTestimony(payload: Uint8Array): readonly TestimonyRow[] {
  const { format, rows } = decode(Testimony, payload);
  if (format !== FORMAT) throw new WireError('badValue', `format ${format} of a testimony`);
  return rows;
}

function checked(one: TestimonyRow): TestimonyRow {
  if (one.age > MAX_AGE || one.lastAge > one.age) throw new WireError('badValue', 'an age out of range');
  if (one.times < 1) throw new WireError('badValue', 'it never happened');
  if (one.texts.some((text) => text.length > MAX_TEXT)) throw new WireError('tooLarge', 'a long text');
  return one;
}
