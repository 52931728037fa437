/**
 * Reads one message from a stream as its bytes arrive, within limits on what a peer may make us store.
 *
 * Source: memberlist net.go, readStream, readRemoteState, decryptRemoteState; P12, P14 (docs/protocol.md).
 */
import { concatBytes, NO_BYTES, sameBytes } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import type { InTurns } from '../base/time.ts';
import { decryptPayload, ENCRYPT_HEADER_BYTES } from './crypt.ts';
import { bufferToUint8Array, decompressBufferInTurns, type Envelope } from './envelope.ts';
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

export interface StreamLimits {
  /** Of one message as it is received. */
  readonly streamBytes: number;
  /** Of one message, expanded. */
  readonly expandedBytes: number;
  readonly nodes: number;
  /** Of a user state or a user message. */
  readonly userBytes: number;
}

/** Source: memberlist maxPushStateBytes; S1 (docs/security.md): four times the members that there are by default. */
export const STREAM_LIMITS: StreamLimits = {
  streamBytes: 20 * 1024 * 1024,
  expandedBytes: 24 * 1024 * 1024,
  nodes: 1 << 16,
  userBytes: 20 * 1024 * 1024,
};

/** The shortest node state: bounds how many a stream of known length can hold. */
const MIN_NODE_STATE_BYTES = 20;
/** Of a header, a node state or an error. Bounds what is parsed again when more bytes arrive. */
const MAX_ITEM_BYTES = 8192;
/** Node states that one `push` reads: a millisecond or two. */
const ROWS_PER_PUSH = 1000;

type Stage = 'label' | 'envelope' | 'encrypted' | 'message' | 'compressed' | 'rows' | 'user' | 'done';

/**
 * Reads one message as its bytes arrive. Unencrypted streams do not announce their length, so the reader parses what is
 * there and remembers the position: each node state is parsed once, however the bytes are split.
 */
export class StreamReader {
  readonly #envelope: Envelope;
  readonly #role: 'dialer' | 'listener';
  readonly #limits: StreamLimits;

  #bytes: Uint8Array = NO_BYTES;
  #size = 0;
  /** Start of the next item. */
  #at = 0;
  /** The next step needs at least this size. */
  #needed = 1;
  #stage: Stage = 'label';
  /** The whole message is here, so missing bytes are an error. */
  #isComplete = false;
  #expanded = false;

  // State within a compress message
  #entries = 0;
  #algo = 0;
  #compressed: Uint8Array = NO_BYTES;
  #expansion: InTurns<Uint8Array> | undefined;

  // State within a push/pull or a user message
  #isPushPull = false;
  #join = false;
  #rows = 0;
  readonly #nodes: PushNodeState[] = [];
  #dropped = 0;
  #userBytes = 0;
  /** What one `push` may do is done, and there is more to do. */
  #isBusy = false;

  /** `role` is this agent's. Only the dialer sends a label, so only a listener reads one. */
  constructor(envelope: Envelope, role: 'dialer' | 'listener', limits: Partial<StreamLimits> = {}) {
    this.#envelope = envelope;
    this.#role = role;
    this.#limits = { ...STREAM_LIMITS, ...limits };
  }

  /** There is work to do without further bytes: `push` none, in a later turn. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /**
   * Copies the chunk, and does some of the work. Returns the message once, when it is complete, and otherwise `undefined`. Byte fields are views
   * on this reader's memory. Throws `WireError`; the reader is finished after that.
   */
  push(chunk: Uint8Array): StreamMessage | undefined {
    if (this.#stage === 'done') return undefined;
    this.#isBusy = false;
    try {
      this.#append(chunk);
      while (this.#size >= this.#needed) {
        const message = this.#advance();
        if (message !== undefined) {
          this.#finish();
          return message;
        }
        if (this.#isBusy) return undefined;
      }
      if (!this.#isComplete) return undefined;
      throw new WireError('short', 'a truncated message');
    } catch (error) {
      const waits = error instanceof WireError && error.code === 'short' && !this.#isComplete;
      if (waits && this.#size - this.#at <= MAX_ITEM_BYTES) return undefined;
      this.#finish();
      throw waits ? new WireError('tooLarge', `more than ${MAX_ITEM_BYTES} bytes without an end`) : error;
    }
  }

  /** One step, which moves `#at` to the next. A 'short' error means that the step is repeated with more bytes. */
  #advance(): StreamMessage | undefined {
    switch (this.#stage) {
      case 'label':
        return this.#readLabel();
      case 'envelope':
        return this.#readEnvelope();
      case 'encrypted':
        return this.#readEncrypted();
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
      if (this.#role === 'listener' && label.length > 0) throw new WireError('badLabel', 'no label');
    } else {
      if (this.#role === 'dialer') throw new WireError('badLabel', 'a response with a label');
      reader.at++;
      const theirs = reader.view(reader.byte());
      if (theirs.length === 0 || !sameBytes(theirs, label))
        throw new WireError('badLabel', 'a foreign label');
    }
    this.#enterStage('envelope', reader.at, 1);
  }

  #readEnvelope(): undefined {
    const { keys, verifyIncoming } = this.#envelope;
    const reader = this.#reader();
    if (reader.peek() !== MESSAGE_TYPE.encrypt) {
      if (keys.length > 0 && verifyIncoming)
        throw new WireError('plaintext', 'not encrypted, but this agent has a key');
      return this.#enterStage('message', reader.at, 1);
    }
    if (keys.length === 0) throw new WireError('encrypted', 'encrypted, but this agent has no key');
    reader.at++;
    const length = reader.fixed(4);
    if (length > this.#limits.streamBytes)
      throw new WireError('tooLarge', `an encrypted message of ${length} bytes`);
    this.#enterStage('encrypted', this.#at, ENCRYPT_HEADER_BYTES + length);
  }

  #readEncrypted(): undefined {
    const from = this.#at + ENCRYPT_HEADER_BYTES;
    const aad = concatBytes([this.#bytes.subarray(this.#at, from), this.#envelope.label]);
    const reader = new MsgpackReader(this.#bytes, this.#at + 1);
    const encrypted = this.#bytes.subarray(from, from + reader.fixed(4));
    this.#replaceBody(decryptPayload(encrypted, this.#envelope.keys, aad));
  }

  #readMessage(): StreamMessage | undefined {
    const reader = this.#reader();
    const type = reader.byte();
    switch (type) {
      case MESSAGE_TYPE.compress:
        if (this.#expanded) throw new WireError('tooLarge', 'compressed twice');
        this.#entries = reader.mapLength(8);
        return this.#enterStage('compressed', reader.at, 0);
      case MESSAGE_TYPE.pushPull: {
        const { join, nodes, userStateLen } = PushPullHeader.read(reader);
        const maxBytes = this.#isComplete ? this.#size - reader.at : this.#limits.streamBytes;
        if (nodes > this.#limits.nodes || nodes * MIN_NODE_STATE_BYTES > maxBytes)
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

  /** Reads the map entry by entry, since only `Buf` may be long. */
  #readCompressed(): undefined {
    for (; this.#entries > 0; this.#entries--) {
      const reader = this.#reader();
      const key = reader.str();
      if (key === 'Buf') {
        const length = reader.rawLength();
        if (length > this.#limits.streamBytes)
          throw new WireError('tooLarge', `a compressed message of ${length} bytes`);
        if (reader.at + length > this.#size)
          return this.#enterStage('compressed', this.#at, reader.at - this.#at + length);
        this.#compressed = reader.view(length);
      } else if (key === 'Algo') this.#algo = reader.uint();
      else reader.skip();
      this.#enterStage('compressed', reader.at, 0);
    }
    this.#expansion ??= decompressBufferInTurns(this.#algo, this.#compressed, this.#limits.expandedBytes);
    const step = this.#expansion.next();
    if (step.done !== true) {
      this.#isBusy = true;
      return undefined;
    }
    this.#expansion = undefined;
    this.#compressed = NO_BYTES;
    this.#expanded = true;
    this.#replaceBody(step.value);
  }

  #readRows(): undefined {
    const reader = this.#reader();
    for (let left = ROWS_PER_PUSH; this.#rows > 0; this.#rows--) {
      if (--left < 0) {
        this.#isBusy = true;
        return undefined;
      }
      const node = readPushNodeState(reader);
      if (node === undefined) this.#dropped++;
      else this.#nodes.push(node);
      this.#at = reader.at;
    }
    this.#enterStage('user', reader.at, this.#userBytes);
  }

  #readUser(): StreamMessage {
    const userPart = this.#bytes.subarray(this.#at, this.#at + this.#userBytes);
    if (!this.#isPushPull) return { kind: 'user', body: userPart };
    return {
      kind: 'pushPull',
      join: this.#join,
      nodes: this.#nodes,
      userState: userPart,
      dropped: this.#dropped,
    };
  }

  #expectUser(length: number): void {
    if (length > this.#limits.userBytes) throw new WireError('tooLarge', `a user state of ${length} bytes`);
    this.#userBytes = length;
  }

  #enterStage(stage: Stage, at: number, length: number): undefined {
    this.#stage = stage;
    this.#at = at;
    this.#needed = at + length;
  }

  #reader(): MsgpackReader {
    return new MsgpackReader(this.#bytes.subarray(0, this.#size), this.#at);
  }

  /** Memory grows with what was received, not with what was announced. */
  #append(chunk: Uint8Array): void {
    const size = this.#size + chunk.length;
    if (size > this.#limits.streamBytes + MAX_ITEM_BYTES)
      throw new WireError('tooLarge', `a stream of more than ${this.#limits.streamBytes} bytes`);
    if (size > this.#bytes.length) {
      const most = this.#limits.streamBytes + MAX_ITEM_BYTES;
      const grown = new Uint8Array(Math.max(size, Math.min(most, 2 * this.#bytes.length)));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.#size);
    this.#size = size;
  }

  /** Continues with the decrypted or expanded message, which is complete. */
  #replaceBody(body: Uint8Array): void {
    this.#bytes = bufferToUint8Array(body);
    this.#size = body.length;
    this.#isComplete = true;
    this.#enterStage('message', 0, 1);
  }

  #finish(): void {
    this.#stage = 'done';
    this.#isBusy = false;
    this.#bytes = NO_BYTES;
  }
}
