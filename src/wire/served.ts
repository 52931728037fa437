/**
 * The question how far agents serve the ledgers of some owners, and its answer: payloads of a query among hearsay's agents. A
 * format byte comes first. The answer has the rows of the question in the same order, so it is never the longer of the two.
 *
 * Source: P84 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { type LedgerProgress, PROGRESS } from './catalog.ts';
import { MAX_VERSION } from './entry-limits.ts';
import { MsgpackReader, MsgpackWriter } from './msgpack.ts';
import { arrayField, type MessageOf, omitEmpty, struct, u16, u64 } from './struct.ts';

const FORMAT = 1;
/** Owners in one question. */
export const MAX_SERVED_ROWS = 16;

const ServedQuestion = struct('servedQuestion', FORMAT, {
  rows: arrayField('r', MAX_SERVED_ROWS, PROGRESS),
});

const Served = struct('served', 0, { epoch: omitEmpty(u64('e')), version: omitEmpty(u64('v')) });

const ServedAnswer = struct('servedAnswer', FORMAT, {
  rows: arrayField('r', MAX_SERVED_ROWS, Served),
  /** Readers of the answering agent that were told something older, and not yet this. */
  waiting: omitEmpty(u16('w')),
});

/** How far an agent serves one ledger; epoch 0: not at all. */
export type ServedProgress = Pick<LedgerProgress, 'epoch' | 'version'>;

export interface ServedAnswer {
  readonly rows: readonly ServedProgress[];
  readonly waiting: number;
}

export const encodeServedQuestion = (rows: readonly LedgerProgress[]): Uint8Array =>
  encode(ServedQuestion, { rows });

export const encodeServedAnswer = (answer: ServedAnswer): Uint8Array => encode(ServedAnswer, answer);

/** Throws `WireError`. */
export const decodeServedQuestion = (encoded: Uint8Array): readonly LedgerProgress[] =>
  ServedQuestion.read(openFormat(encoded)).rows;

/** Throws `WireError`. */
export function decodeServedAnswer(encoded: Uint8Array): ServedAnswer {
  const { rows, waiting }: MessageOf<typeof ServedAnswer> = ServedAnswer.read(openFormat(encoded));
  for (const { epoch, version } of rows)
    if (epoch > MAX_VERSION || version > MAX_VERSION)
      throw new WireError('badValue', 'a version out of range');
  return { rows, waiting };
}

function encode<M>(declared: { write(writer: MsgpackWriter, message: M): void }, message: M): Uint8Array {
  const writer = new MsgpackWriter(64);
  writer.reset().byte(FORMAT);
  declared.write(writer, message);
  return writer.finish();
}

function openFormat(encoded: Uint8Array): MsgpackReader {
  const reader = new MsgpackReader(encoded);
  const format = reader.byte();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of a served question`);
  return reader;
}
