/**
 * What one agent tells another that asks why a member was blamed: the payload of a query's answer. Rows are of one
 * shape, numbers and texts; what they mean is agent/evidence's. Within a format kinds may be added, and parts at the end
 * of a row: readers pass over what they do not know, and refuse other formats.
 */
import { WireError } from '../base/errors.ts';
import { readTuple } from './entry.ts';
import type { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { arrayField, decodeStruct, omitEmpty, STR, struct, U64, u16 } from './struct.ts';

/** Of the payload, which is no message of its own. */
const REPORT_TYPE = 1;
const FORMAT = 1;
/** Far above what fits one answer. */
const MAX_ROWS = 64;
const MAX_NUMBERS = 12;
const MAX_TEXTS = 16;
/** A name has 128 bytes, an address fewer. */
const MAX_TEXT = 128;
/** A month: nobody keeps anything for longer. */
const MAX_AGE = 31 * 86_400_000;

export interface WitnessReportRow {
  readonly kind: number;
  /** Milliseconds before the answer, first and last. */
  readonly age: number;
  readonly lastAge: number;
  readonly count: number;
  readonly numbers: readonly number[];
  readonly texts: readonly string[];
}

const NUMBERS = arrayField('', MAX_NUMBERS, U64);
const TEXTS = arrayField('', MAX_TEXTS, STR);

const ROW = {
  read: (reader: MsgpackReader): WitnessReportRow =>
    readTuple(reader, 6, () => {
      const [kind, age, lastAge, times] = [reader.uint(), reader.uint(), reader.uint(), reader.uint()];
      return checkRow({
        kind,
        age,
        lastAge,
        count: times,
        numbers: NUMBERS.read(reader),
        texts: TEXTS.read(reader),
      });
    }),
  write: (
    writer: MsgpackWriter,
    { kind, age, lastAge, count: times, numbers, texts }: WitnessReportRow,
  ): void => {
    writer.arrayHeader(6);
    for (const value of [kind, age, lastAge, times]) writer.uint(value);
    NUMBERS.write(writer, numbers);
    TEXTS.write(writer, texts);
  },
};

const WitnessReportBody = struct('witnessReport', REPORT_TYPE, {
  format: u16('f'),
  rows: omitEmpty(arrayField('r', MAX_ROWS, ROW)),
});

/** Shares memory with other results: copy what is kept. */
export const encodeWitnessReport = (rows: readonly WitnessReportRow[]): Uint8Array =>
  WitnessReportBody.encode({ format: FORMAT, rows });

/** Throws `WireError`. */
export function decodeWitnessReport(payload: Uint8Array): readonly WitnessReportRow[] {
  const { format, rows } = decodeStruct(WitnessReportBody, payload);
  if (format !== FORMAT) throw new WireError('badValue', `format ${format} of a witness report`);
  return rows;
}

function checkRow(one: WitnessReportRow): WitnessReportRow {
  if (one.age > MAX_AGE || one.lastAge > one.age) throw new WireError('badValue', 'an age out of range');
  if (one.count < 1) throw new WireError('badValue', 'it never happened');
  if (one.texts.some((text) => text.length > MAX_TEXT)) throw new WireError('tooLarge', 'a long text');
  return one;
}
