/**
 * Kinds of the messages in a datagram, for network rules that drop only some of them, and for traces. Bodies are not
 * decoded.
 */

import { encodeUtf8 } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import { MESSAGE_TYPE } from '../../wire/memberlist.ts';
import { type Envelope, openPacket } from '../../wire/packet.ts';
import { SERF_TYPE } from '../../wire/serf.ts';
import type { SimHostOptions } from './host.ts';

const SWIM_KINDS = new Map<number, string>(
  Object.entries(MESSAGE_TYPE).map(([kind, octet]) => [octet, kind]),
);
const SERF_KINDS = new Map<number, string>(Object.entries(SERF_TYPE).map(([kind, octet]) => [octet, kind]));

/** The envelope that a host wraps its messages in. */
export const hostEnvelope = ({ gossipLabel = '', keys = [] }: SimHostOptions): Envelope => ({
  label: encodeLabel(gossipLabel),
  keys,
  verifyIncoming: true,
  encryptionVersion: 1,
  compress: false,
});

/** Labels are few, and needed for each datagram. */
const encodedLabels = new Map<string, Uint8Array>();

function encodeLabel(label: string): Uint8Array {
  let encoded = encodedLabels.get(label);
  if (encoded === undefined) {
    encoded = encodeUtf8(label);
    encodedLabels.set(label, encoded);
  }
  return encoded;
}

/** `ping`, `ack`, `suspect` …, and messages of Serf as `serf:leave`. Empty if the datagram cannot be read. */
export function messageKinds(bytes: Uint8Array, envelope: Envelope): readonly string[] {
  try {
    return openPacket(bytes, envelope).messages.map((message) => {
      const type = message[0] as number;
      if (type === MESSAGE_TYPE.user) return `serf:${SERF_KINDS.get(message[1] ?? -1) ?? message[1]}`;
      return SWIM_KINDS.get(type) ?? String(type);
    });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return [];
  }
}
