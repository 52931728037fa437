/**
 * How messages become bytes on the wire and bytes become messages again, as the landing's doors use it: wire/ itself, or
 * what listens to it (a recording) or speaks in its place (a replay).
 */

import type { StreamMessage } from '../../wire/memberlist.ts';
import { type Envelope, openPacket, sealPacket } from '../../wire/packet.ts';
import { StreamOpener, sealStream } from '../../wire/stream-writer.ts';

/** Each is as the function or class of wire/ of that name says; foreign bytes throw `WireError`. */
export interface Wrapping {
  readonly openPacket: typeof openPacket;
  readonly sealPacket: typeof sealPacket;
  readonly sealStream: typeof sealStream;
  opener(envelope: Envelope, role: 'dialer' | 'listener'): Opener;
}

export interface Opener {
  push(chunk: Uint8Array): StreamMessage | undefined;
}

export const WIRE: Wrapping = {
  openPacket,
  sealPacket,
  sealStream,
  opener: (envelope, role) => new StreamOpener(envelope, role),
};
