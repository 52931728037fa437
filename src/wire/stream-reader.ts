/**
 * Streams as they arrive: bytes in pieces, one message out, and limits on what a stranger may make us hold. What is
 * sent is stream.ts's.
 *
 * Source: memberlist net.go, readStream, readRemoteState, decryptRemoteState; P12, P14 (docs/protocol.md).
 */
import { concatBytes, NO_BYTES, sameBytes } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { decryptPayload, ENCRYPT_HEADER_BYTES } from './crypt.ts';
import { bufferToUint8Array, decompressBuffer, type Envelope } from './envelope.ts';
import type { StreamMessage } from './memberlist.ts';
import {
  type Ack,
  decodeMessage,
  Err,
  MESSAGE_TYPE,
  type Ping,
  type PushNodeState,
  PushPullHeader,
  readPushNodeState,
  UserMsgHeader,
} from './memberlist.ts';
import { MsgpackReader } from './msgpack.ts';

/** What a stranger may make us hold. */
export interface StreamLimits {
  /** Of one message as it comes off the socket. */
  readonly streamBytes: number;
  /** Of one message after decompression. */
  readonly expandedBytes: number;
  readonly nodes: number;
  /** Of a user state, or of a user message. */
  readonly userBytes: number;
}
/** Source: memberlist maxPushStateBytes, as S1 (docs/security.md) bounds it. */
export const STREAM_LIMITS: StreamLimits = {
  streamBytes: 20 * 1024 * 1024,
  expandedBytes: 40 * 1024 * 1024,
  nodes: 1 << 20,
  userBytes: 20 * 1024 * 1024,
};

/** No node state is shorter, so no stream can hold more of them than its octets over this. */
const MIN_NODE_STATE_BYTES = 20;
/** What a header, a node state or an error may take. Bounds what is read again when more bytes come. */
const MAX_ITEM_BYTES = 8192;

type Stage = 'label' | 'envelope' | 'sealed' | 'message' | 'compressed' | 'rows' | 'user' | 'done';

/**
 * Opens one message as its bytes arrive. Plain streams do not say how long they are, so it reads what is there and
 * remembers where it stopped: each row is read once, however the bytes are cut.
 */
export class StreamReader {
  readonly #envelope: Envelope;
  readonly #role: 'dialer' | 'listener';
  readonly #limits: StreamLimits;

  #bytes: Uint8Array = new Uint8Array(1024);
  #size = 0;
  /** Where the next item begins. */
  #at = 0;
  /** Nothing can be done below this size. */
  #needed = 1;
  #stage: Stage = 'label';
  /** All of the message is here: what is missing now will never come. */
  #isComplete = false;
  #expanded = false;

  // Of a compress message
  #entries = 0;
  #algo = 0;
  #packed: Uint8Array = NO_BYTES;

  // Of a push/pull, or of a user message
  #isPushPull = false;
  #join = false;
  #rows = 0;
  readonly #nodes: PushNodeState[] = [];
  #dropped = 0;
  #userBytes = 0;

  /** `role` is ours: a listener expects the label in front, a dialer gets its answer without. */
  constructor(envelope: Envelope, role: 'dialer' | 'listener', limits: Partial<StreamLimits> = {}) {
    this.#envelope = envelope;
    this.#role = role;
    this.#limits = { ...STREAM_LIMITS, ...limits };
  }

  /**
   * Takes what came; copies it. Gives the message once it is complete, `undefined` to wait for more, and nothing
   * ever after. Byte fields are views on this opener's memory. Throws `WireError`; then it is done.
   */
  push(chunk: Uint8Array): StreamMessage | undefined {
    if (this.#stage === 'done') return undefined;
    try {
      this.#append(chunk);
      while (this.#size >= this.#needed) {
        const message = this.#advance();
        if (message !== undefined) {
          this.#finish();
          return message;
        }
      }
      if (!this.#isComplete) return undefined;
      throw new WireError('short', 'a message that is cut');
    } catch (error) {
      const waits = error instanceof WireError && error.code === 'short' && !this.#isComplete;
      if (waits && this.#size - this.#at <= MAX_ITEM_BYTES) return undefined;
      this.#finish();
      throw waits ? new WireError('tooLarge', `more than ${MAX_ITEM_BYTES} octets without an end`) : error;
    }
  }

  /** One step; each leaves `#at` where the next begins. 'short' thrown from here means: wait, then read it again. */
  #advance(): StreamMessage | undefined {
    switch (this.#stage) {
      case 'label':
        return this.#readLabel();
      case 'envelope':
        return this.#readEnvelope();
      case 'sealed':
        return this.#readSealed();
      case 'message':
        return this.#readMessage();
      case 'compressed':
        return this.#readCompressed();
      case 'rows':
        return this.#readRows();
      case 'user':
      case 'done':
        return this.#readUser();
    }
  }

  #readLabel(): undefined {
    const { label } = this.#envelope;
    const reader = this.#reader();
    if (reader.peek() !== MESSAGE_TYPE.label) {
      if (this.#role === 'listener' && label.length > 0) throw new WireError('badLabel', 'without our label');
    } else {
      if (this.#role === 'dialer') throw new WireError('badLabel', 'an answer with a label');
      reader.at++;
      const theirs = reader.octets(reader.octet());
      if (theirs.length === 0 || !sameBytes(theirs, label))
        throw new WireError('badLabel', 'the label of others');
    }
    this.#enterStage('envelope', reader.at, 1);
  }

  #readEnvelope(): undefined {
    const { keys, verifyIncoming } = this.#envelope;
    const reader = this.#reader();
    if (reader.peek() !== MESSAGE_TYPE.encrypt) {
      if (keys.length > 0 && verifyIncoming)
        throw new WireError('plaintext', 'not encrypted, and we have a key');
      return this.#enterStage('message', reader.at, 1);
    }
    if (keys.length === 0) throw new WireError('encrypted', 'encrypted, and we have no key');
    reader.at++;
    const length = reader.fixed(4);
    if (length > this.#limits.streamBytes)
      throw new WireError('tooLarge', `an encrypted message of ${length} octets`);
    this.#enterStage('sealed', this.#at, ENCRYPT_HEADER_BYTES + length);
  }

  #readSealed(): undefined {
    const from = this.#at + ENCRYPT_HEADER_BYTES;
    const aad = concatBytes([this.#bytes.subarray(this.#at, from), this.#envelope.label]);
    const reader = new MsgpackReader(this.#bytes, this.#at + 1);
    const sealed = this.#bytes.subarray(from, from + reader.fixed(4));
    this.#replaceBody(decryptPayload(sealed, this.#envelope.keys, aad));
  }

  #readMessage(): StreamMessage | undefined {
    const reader = this.#reader();
    const type = reader.octet();
    switch (type) {
      case MESSAGE_TYPE.compress:
        if (this.#expanded) throw new WireError('tooLarge', 'compressed twice');
        this.#entries = reader.mapLength(8);
        return this.#enterStage('compressed', reader.at, 0);
      case MESSAGE_TYPE.pushPull: {
        const { join, nodes, userStateLen } = PushPullHeader.read(reader);
        const most = this.#isComplete ? this.#size - reader.at : this.#limits.streamBytes;
        if (nodes > this.#limits.nodes || nodes * MIN_NODE_STATE_BYTES > most)
          throw new WireError('tooLarge', `a push/pull of ${nodes} nodes`);
        this.#isPushPull = true;
        this.#join = join;
        this.#rows = nodes;
        this.#expectUser(userStateLen);
        return this.#enterStage('rows', reader.at, 0);
      }
      case MESSAGE_TYPE.user:
        this.#expectUser(UserMsgHeader.read(reader).userMsgLen);
        return this.#enterStage('user', reader.at, this.#userBytes);
      case MESSAGE_TYPE.err:
        return Err.read(reader);
      case MESSAGE_TYPE.ping:
      case MESSAGE_TYPE.ack:
        return decodeMessage(reader.bytes.subarray(this.#at)) as Ping | Ack;
    }
    throw new WireError('unknownType', `message type ${type} on a stream`);
  }

  /** Entry by entry, since only `Buf` may be long. */
  #readCompressed(): undefined {
    for (; this.#entries > 0; this.#entries--) {
      const reader = this.#reader();
      const key = reader.str();
      if (key === 'Buf') {
        const length = reader.rawLength();
        if (length > this.#limits.streamBytes)
          throw new WireError('tooLarge', `a compressed message of ${length} octets`);
        if (reader.at + length > this.#size)
          return this.#enterStage('compressed', this.#at, reader.at - this.#at + length);
        this.#packed = reader.octets(length);
      } else if (key === 'Algo') this.#algo = reader.uint();
      else reader.skip();
      this.#enterStage('compressed', reader.at, 0);
    }
    this.#expanded = true;
    this.#replaceBody(decompressBuffer(this.#algo, this.#packed, this.#limits.expandedBytes));
  }

  #readRows(): undefined {
    const reader = this.#reader();
    for (; this.#rows > 0; this.#rows--) {
      const node = readPushNodeState(reader);
      if (node === undefined) this.#dropped++;
      else this.#nodes.push(node);
      this.#at = reader.at;
    }
    this.#enterStage('user', reader.at, this.#userBytes);
  }

  #readUser(): StreamMessage {
    const octets = this.#bytes.subarray(this.#at, this.#at + this.#userBytes);
    if (!this.#isPushPull) return { kind: 'user', body: octets };
    return {
      kind: 'pushPull',
      join: this.#join,
      nodes: this.#nodes,
      userState: octets,
      dropped: this.#dropped,
    };
  }

  #expectUser(octets: number): void {
    if (octets > this.#limits.userBytes) throw new WireError('tooLarge', `a user part of ${octets} octets`);
    this.#userBytes = octets;
  }

  #enterStage(stage: Stage, at: number, octets: number): undefined {
    this.#stage = stage;
    this.#at = at;
    this.#needed = at + octets;
  }

  #reader(): MsgpackReader {
    return new MsgpackReader(this.#bytes.subarray(0, this.#size), this.#at);
  }

  /** Memory grows with what came, never with what was announced. */
  #append(chunk: Uint8Array): void {
    const size = this.#size + chunk.length;
    if (size > this.#limits.streamBytes + MAX_ITEM_BYTES)
      throw new WireError('tooLarge', `a stream of more than ${this.#limits.streamBytes} octets`);
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#size);
    this.#size = size;
  }

  /** Goes on with what was inside, which is all there is. */
  #replaceBody(body: Uint8Array): void {
    this.#bytes = bufferToUint8Array(body);
    this.#size = body.length;
    this.#isComplete = true;
    this.#enterStage('message', 0, 1);
  }

  #finish(): void {
    this.#stage = 'done';
    this.#bytes = NO_BYTES;
  }
}
