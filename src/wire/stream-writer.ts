/**
 * Streams: one message each way over TCP, encoded and sealed here, opened in opener.ts. Who answers what is agent/'s
 * business; what a datagram wraps around messages is packet.ts's.
 *
 * Source: memberlist net.go, rawSendMsgStream, sendLocalState (protocol reference 1.10, 3.3).
 */
import { concat, NO_BYTES } from '../base/bytes.ts';
import { ENCRYPT_HEAD, seal, sealedLength } from './crypt.ts';
import { compressMessage, type Envelope, setU32 } from './envelope.ts';
import {
  Ack,
  Err,
  NodeState,
  Ping,
  type PushPull,
  PushPullHeader,
  type StreamMessage,
  TYPE,
  UserHeader,
} from './memberlist.ts';
import { Writer } from './msgpack.ts';

export { STREAM_LIMITS, type StreamLimits, StreamOpener } from './stream-reader.ts';

/** Type octet, header, rows, user state. */
export function encodePushPull(message: Omit<PushPull, 'dropped'>): Uint8Array {
  const { join, nodes, userState } = message;
  const writer = new Writer(64 + 160 * nodes.length + userState.length);
  writer.octet(TYPE.pushPull);
  PushPullHeader.write(writer, { nodes: nodes.length, userStateLen: userState.length, join });
  for (const node of nodes) NodeState.write(writer, node);
  writer.append(userState);
  return writer.finish();
}

/** The plain form of any stream message: type octet and what follows it. */
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
      return concat([UserHeader.encode({ userMsgLen: message.body.length }), message.body]);
  }
}

/**
 * What goes out on the socket for one plain message. Compressed whenever the envelope says so, even if that is
 * longer; only the dialer sends the label, yet both sides bind it to the ciphertext.
 */
export function sealStream(
  body: Uint8Array,
  envelope: Envelope,
  options: { readonly role: 'dialer' | 'listener'; readonly nonce: () => Uint8Array },
): Uint8Array {
  const { label, encryptionVersion: version } = envelope;
  const key = envelope.keys[0];
  const plain = envelope.compress ? compressMessage(body) : body;
  const labelHead =
    options.role === 'dialer' && label.length > 0
      ? concat([Uint8Array.of(TYPE.label, label.length), label])
      : NO_BYTES;
  if (key === undefined) return concat([labelHead, plain]);

  const length = sealedLength(plain.length, version);
  const at = labelHead.length;
  const out = new Uint8Array(at + ENCRYPT_HEAD + length);
  out.set(labelHead);
  out[at] = TYPE.encrypt;
  setU32(out, at + 1, length);
  const aad = concat([out.subarray(at, at + ENCRYPT_HEAD), label]);
  seal(out, at + ENCRYPT_HEAD, plain, { key, version, nonce: options.nonce(), aad });
  return out;
}
