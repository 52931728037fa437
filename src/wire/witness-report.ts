/**
 * The payload of a response to a witness query: what one agent saw of a member's failure (P67 in docs/protocol.md).
 * Rows are numbers and texts, whose meaning is in agent/evidence. Kinds, and elements at the end of a row, may be added
 * within a format, since readers skip unknown ones; other formats are refused.
 */
import { WireError } from '../base/errors.ts';
import { readTuple } from './entry.ts';
import { MAX_NAME_BYTES } from './memberlist.ts';
import type { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { arrayField, decodeStruct, omitEmpty, STR, struct, U64, u16 } from './struct.ts';

/** The first byte of the payload, which is no message of its own. */
const REPORT_TYPE = 1;
const FORMAT = 1;
/** Far more than fit into one response. */
const MAX_ROWS = 64;
const MAX_NUMBERS = 12;
const MAX_TEXTS = 16;
/** Characters of a name; an address has fewer. */
const MAX_TEXT = MAX_NAME_BYTES;
/** A month; evidence is kept for less. */
const MAX_AGE = 31 * 86_400_000;

export interface WitnessReportRow {
  readonly kind: number;
  /** Milliseconds before the response, of the first and the last occurrence. */
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
      const [kind, age, lastAge, count] = [reader.uint(), reader.uint(), reader.uint(), reader.uint()];
      return checkRow({
        kind,
        age,
        lastAge,
        count,
        numbers: NUMBERS.read(reader),
        texts: TEXTS.read(reader),
      });
    }),
  write: (writer: MsgpackWriter, { kind, age, lastAge, count, numbers, texts }: WitnessReportRow): void => {
    writer.arrayHeader(6);
    for (const value of [kind, age, lastAge, count]) writer.uint(value);
    NUMBERS.write(writer, numbers);
    TEXTS.write(writer, texts);
  },
};

const WitnessReportBody = struct('witnessReport', REPORT_TYPE, {
  format: u16('f'),
  rows: omitEmpty(arrayField('r', MAX_ROWS, ROW)),
});

export const encodeWitnessReport = (rows: readonly WitnessReportRow[]): Uint8Array =>
  WitnessReportBody.encode({ format: FORMAT, rows });

/** Throws `WireError`. */
export function decodeWitnessReport(payload: Uint8Array): readonly WitnessReportRow[] {
  const { format, rows } = decodeStruct(WitnessReportBody, payload);
  if (format !== FORMAT) throw new WireError('badValue', `format ${format} of a witness report`);
  return rows;
}

function checkRow(row: WitnessReportRow): WitnessReportRow {
  if (row.age > MAX_AGE || row.lastAge > row.age) throw new WireError('badValue', 'an age out of range');
  if (row.count < 1) throw new WireError('badValue', 'a count of 0');
  if (row.texts.some((text) => text.length > MAX_TEXT)) throw new WireError('tooLarge', 'a long text');
  return row;
}
