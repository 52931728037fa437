/**
 * Clock messages: user messages by which an agent that takes part in jobs asks another one what its wall clock reads, as
 * SNTP does. Serf uses neither type, and is sent none. A format byte follows the type, as in the catalog's messages.
 *
 * Source: P82 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { MsgpackReader } from './msgpack.ts';
import { encodeWithFormat, type MessageOf, struct, u32, u64 } from './struct.ts';

export const CLOCK_TYPE = { request: 213, answer: 214 } as const;

const FORMAT = 1;

const ClockRequest = struct('clockRequest', CLOCK_TYPE.request, { id: u32('i') });

/** `wall`: Unix milliseconds when the request was answered. */
const ClockAnswer = struct('clockAnswer', CLOCK_TYPE.answer, { id: u32('i'), wall: u64('w') });

export type ClockMessage = MessageOf<typeof ClockRequest> | MessageOf<typeof ClockAnswer>;

export const isClockType = (type: number): boolean =>
  type === CLOCK_TYPE.request || type === CLOCK_TYPE.answer;

/** Decodes the body of a user message, type byte first. Throws `WireError`. */
export function decodeClock(encoded: Uint8Array): ClockMessage {
  const reader = new MsgpackReader(encoded);
  const type = reader.byte();
  const format = reader.byte();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of a clock message`);
  if (type === CLOCK_TYPE.request) return ClockRequest.read(reader);
  if (type !== CLOCK_TYPE.answer) throw new WireError('unknownType', `type ${type} is no clock message`);
  return ClockAnswer.read(reader);
}

export const encodeClockRequest = (id: number): Uint8Array => encodeWithFormat(ClockRequest, FORMAT, { id });
export const encodeClockAnswer = (id: number, wall: number): Uint8Array =>
  encodeWithFormat(ClockAnswer, FORMAT, { id, wall });
