/**
 * Pauses: user messages by which an agent that stops tells catalog peers that it will be back, and by which they
 * acknowledge that. Serf uses neither type. A format byte follows the type, as in the catalog's messages.
 *
 * Source: P75 (docs/protocol.md).
 */
import { WireError } from '../base/errors.ts';
import { checkMemberName } from './memberlist.ts';
import { MsgpackReader } from './msgpack.ts';
import { encodeWithFormat, type MessageOf, str, struct, u32 } from './struct.ts';

export const PAUSE_TYPE = { pause: 205, pauseAck: 206 } as const;

const FORMAT = 1;

/** `node` stops, and will be back within `millis` at an incarnation above this one. */
const Pause = struct('pause', PAUSE_TYPE.pause, {
  node: str('n'),
  incarnation: u32('i'),
  millis: u32('d'),
});

/** The pause at this incarnation is known to the sender. */
const PauseAck = struct('pauseAck', PAUSE_TYPE.pauseAck, { incarnation: u32('i') });

export type Pause = MessageOf<typeof Pause>;
export type PauseAck = MessageOf<typeof PauseAck>;

export const isPauseType = (type: number): boolean =>
  type === PAUSE_TYPE.pause || type === PAUSE_TYPE.pauseAck;

/** Decodes the body of a user message, type byte first. Throws `WireError`. */
export function decodePause(encoded: Uint8Array): Pause | PauseAck {
  const reader = new MsgpackReader(encoded);
  const type = reader.byte();
  const format = reader.byte();
  if (format !== FORMAT) throw new WireError('unknownType', `format ${format} of a pause`);
  if (type === PAUSE_TYPE.pauseAck) return PauseAck.read(reader);
  if (type !== PAUSE_TYPE.pause) throw new WireError('unknownType', `type ${type} is no pause`);
  const pause = Pause.read(reader);
  checkMemberName(pause.node);
  return pause;
}

export const encodePause = (pause: Omit<Pause, 'kind'>): Uint8Array => encodeWithFormat(Pause, FORMAT, pause);
export const encodePauseAck = (ack: Omit<PauseAck, 'kind'>): Uint8Array =>
  encodeWithFormat(PauseAck, FORMAT, ack);
