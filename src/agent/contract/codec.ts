/** The codec between messages and sealed bytes: wire/ itself, a recording around it, or a replay in its place. */
import type { StreamMessage } from '../../wire/memberlist.ts';
import { type Envelope, openPacket, sealPacket } from '../../wire/packet.ts';
import { StreamReader, sealStream } from '../../wire/stream-writer.ts';

/** The functions of wire/ by their names, and its stream reader. Malformed bytes throw `WireError`. */
export interface WireCodec {
  readonly openPacket: typeof openPacket;
  readonly sealPacket: typeof sealPacket;
  readonly sealStream: typeof sealStream;
  createStreamDecoder(envelope: Envelope, role: 'dialer' | 'listener'): StreamDecoder;
}

export interface StreamDecoder {
  /** There is work to do without further bytes: `push` none, in a later turn. */
  readonly isBusy: boolean;
  push(chunk: Uint8Array): StreamMessage | undefined;
}

export const WIRE_CODEC: WireCodec = {
  openPacket,
  sealPacket,
  sealStream,
  createStreamDecoder: (envelope, role) => new StreamReader(envelope, role),
};
