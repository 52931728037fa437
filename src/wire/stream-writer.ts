/**
 * Encodes and seals messages for TCP streams, one in each direction. Reading is in stream-reader.ts.
 *
 * Source: memberlist net.go, rawSendMsgStream, sendLocalState; P9, P10, P12 (docs/protocol.md).
 */
import { concatBytes, NO_BYTES } from '../base/bytes.ts';
import { ENCRYPT_HEADER_BYTES, encryptedLength, encryptPayload } from './crypt.ts';
import { compressMessage, type Envelope, isCompressible, writeU32 } from './envelope.ts';
import {
  Ack,
  Err,
  MESSAGE_TYPE,
  Ping,
  PushNodeState,
  type PushPull,
  PushPullHeader,
  type StreamMessage,
  UserMsgHeader,
} from './memberlist.ts';
import { MsgpackWriter } from './msgpack.ts';

export { STREAM_LIMITS, type StreamLimits, StreamReader } from './stream-reader.ts';

/** Type byte, header, rows, user state. */
export function encodePushPull(message: Omit<PushPull, 'dropped'>): Uint8Array {
  const { join, nodes, userState } = message;
  const writer = new MsgpackWriter(64 + 160 * nodes.length + userState.length);
  writer.byte(MESSAGE_TYPE.pushPull);
  PushPullHeader.write(writer, { nodes: nodes.length, userStateLen: userState.length, join });
  for (const node of nodes) PushNodeState.write(writer, node);
  writer.append(userState);
  return writer.finish();
}

/** Any stream message without an envelope, type byte first. */
export function encodeStream(message: StreamMessage | Omit<PushPull, 'dropped'>): Uint8Array {
  switch (message.kind) {
    case 'pushPull':
      return encodePushPull(message);
    case 'ping':
      return Ping.encode(message);
    case 'ack':
      return Ack.encode(message);
    case 'err':
      return Err.encode(message);
    case 'user':
      return concatBytes([UserMsgHeader.encode({ userMsgLen: message.body.length }), message.body]);
  }
}

/**
 * Puts the envelope around one message. Only the dialer sends the label, but both sides authenticate it.
 *
 * Differs: memberlist compresses each stream, even if that is longer.
 */
export function sealStream(
  body: Uint8Array,
  envelope: Envelope,
  options: { readonly role: 'dialer' | 'listener'; readonly nonce: () => Uint8Array },
): Uint8Array {
  const { label, encryptionVersion: version } = envelope;
  const key = envelope.keys[0];
  const plain = (isCompressible(envelope, body.length) ? compressMessage(body) : undefined) ?? body;
  const labelHead =
    options.role === 'dialer' && label.length > 0
      ? concatBytes([Uint8Array.of(MESSAGE_TYPE.label, label.length), label])
      : NO_BYTES;
  if (key === undefined) return concatBytes([labelHead, plain]);

  const length = encryptedLength(plain.length, version);
  const at = labelHead.length;
  const out = new Uint8Array(at + ENCRYPT_HEADER_BYTES + length);
  out.set(labelHead);
  out[at] = MESSAGE_TYPE.encrypt;
  writeU32(out, at + 1, length);
  const aad = concatBytes([out.subarray(at, at + ENCRYPT_HEADER_BYTES), label]);
  encryptPayload(out, at + ENCRYPT_HEADER_BYTES, plain, { key, version, nonce: options.nonce(), aad });
  return out;
}
