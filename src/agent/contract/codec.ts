/**
 * How messages become bytes on the wire and bytes become messages again, as the landing's doors use it: wire/ itself, or
 * what listens to it (a recording) or speaks in its place (a replay).
 */

import type { StreamMessage } from '../../wire/memberlist.ts';
import { type Envelope, openPacket, sealPacket } from '../../wire/packet.ts';
import { StreamReader, sealStream } from '../../wire/stream-writer.ts';

/** Each is as the function or class of wire/ of that name says; foreign bytes throw `WireError`. */
export interface WireCodec {
  readonly openPacket: typeof openPacket;
  readonly sealPacket: typeof sealPacket;
  readonly sealStream: typeof sealStream;
  createStreamDecoder(envelope: Envelope, role: 'dialer' | 'listener'): StreamDecoder;
}

export interface StreamDecoder {
  push(chunk: Uint8Array): StreamMessage | undefined;
}

export const WIRE_CODEC: WireCodec = {
  openPacket,
  sealPacket,
  sealStream,
  createStreamDecoder: (envelope, role) => new StreamReader(envelope, role),
};
