/**
 * One session per TCP stream, as dialer or listener: push/pull, ping, or user message. A session has one request and at
 * most one answer, then both sides close. Sockets belong to the shell.
 *
 * Source: memberlist net.go, handleConn, sendAndReceiveState, sendPingAndWaitForAck.
 */
import type { Address } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import { finish, type InTurns, type Millis, unlimitedTurn } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { DialFailure, StreamFailure } from '../../swim/types.ts';
import type { Ping, PushPull, StreamMessage } from '../../wire/memberlist.ts';
import type { Envelope } from '../../wire/packet.ts';
import { encodeStream } from '../../wire/stream-writer.ts';
import { isWatchType } from '../../wire/watch.ts';
import { type StreamDecoder, WIRE_CODEC, type WireCodec } from '../contract/codec.ts';
import type { Effect, StreamId } from '../contract/machine.ts';
import type { PushPullRequest, StreamCodec, StreamHost, StreamRequest, StreamRole } from './stream-host.ts';
import { StreamSlots } from './stream-slots.ts';
import { TurnQueue } from './turn-queue.ts';

type Session =
  | { readonly role: 'sync'; readonly decoder: StreamDecoder; readonly sync: PushPullRequest }
  | { readonly role: 'request'; readonly decoder: StreamDecoder; readonly request: StreamRequest }
  | {
      readonly role: 'ping';
      readonly decoder: StreamDecoder;
      readonly ping: Ping;
      readonly to: Address;
      connected: boolean;
    }
  | { readonly role: 'listener'; readonly decoder: StreamDecoder; readonly from: Address; received: number };

/** Streams of dialers whose request is not complete. */
const MAX_WAITING = 256;
/** Those of them that have sent more than `SMALL_BYTES`: each may make this agent store megabytes. */
const MAX_LARGE = 32;
/** The push/pull of a newcomer, a ping, and the rumors of a few services are smaller. */
const SMALL_BYTES = 8192;

export class Streams implements StreamCodec {
  readonly #envelope: Envelope;
  readonly #host: StreamHost;
  readonly #nonce: () => Uint8Array;
  readonly #timeout: Millis;
  readonly #codec: WireCodec;
  readonly #sessions = new Map<StreamId, Session>();
  readonly #timers = new Timers<StreamId>();
  /** What takes more than a turn: reading a long message, or handling it. */
  readonly #work = new TurnQueue();
  /** Data that has come for streams whose earlier data is still being read. */
  readonly #reading = new Map<StreamId, Uint8Array[]>();
  /** The effects of the input that is being handled. */
  #out: Effect[] = [];
  readonly #waiting = new StreamSlots(MAX_WAITING);
  readonly #large = new StreamSlots(MAX_LARGE);
  #lastStream: StreamId = 0;

  constructor(
    envelope: Envelope,
    host: StreamHost,
    nonce: () => Uint8Array,
    timeout: Millis,
    codec: WireCodec = WIRE_CODEC,
  ) {
    this.#envelope = envelope;
    this.#host = host;
    this.#nonce = nonce;
    this.#timeout = timeout;
    this.#codec = codec;
  }

  get deadline(): Millis {
    return Math.min(this.#timers.deadline, this.#work.deadline);
  }

  /** Dials a push/pull; its outcome goes to `host.onPushPullFinished`. */
  dialPushPull(sync: PushPullRequest, now: Millis, out: Effect[]): void {
    const session = { role: 'sync', decoder: this.createDecoder('dialer'), sync } as const;
    this.#dial(session, sync.to, now + this.#timeout, out);
  }

  /** Dials a ping; its outcome goes to `host.onPingOutcome` by `deadline`. */
  dialPing(to: Address, ping: Ping, deadline: Millis, out: Effect[]): void {
    const session: Session = {
      ...{ role: 'ping', decoder: this.createDecoder('dialer'), ping, to },
      connected: false,
    };
    this.#dial(session, to, deadline, out);
  }

  /** Dials a user message; its response goes to `host.onResponse`. */
  dialRequest(request: StreamRequest, now: Millis, out: Effect[]): void {
    const session = { role: 'request', decoder: this.createDecoder('dialer'), request } as const;
    this.#dial(session, request.to, now + this.#timeout, out);
  }

  onAccepted(stream: StreamId, from: Address, now: Millis, out: Effect[]): void {
    const decoder = this.createDecoder('listener');
    this.#sessions.set(stream, { role: 'listener', decoder, from, received: 0 });
    this.#timers.set(stream, now + this.#timeout);
    this.#takeSlot(this.#waiting, stream, from, out);
  }

  /** Another stream may be closed for this one, or this one itself. */
  #takeSlot(slots: StreamSlots, stream: StreamId, from: Address, out: Effect[]): void {
    const victim = slots.take(stream, from, this.#host.isMemberHost(from));
    if (victim === undefined) return;
    const session = this.#sessions.get(victim);
    const loser = session === undefined ? from : peerOf(session);
    this.#closeStream(victim, out);
    this.#recordRefused(loser, 'too many streams of its network', out);
  }

  onOpened(stream: StreamId, now: Millis, out: Effect[]): void {
    const session = this.#sessions.get(stream);
    if (session?.role === 'sync')
      this.write(stream, this.#host.composePushPull(session.sync.join, session.sync), 'dialer', false, out);
    else if (session?.role === 'ping') {
      session.connected = true;
      this.write(stream, session.ping, 'dialer', false, out);
      this.#host.onPingOutcome(session.ping.seqNo, 'connected', now);
    } else if (session?.role === 'request') {
      const { body, ticket } = session.request;
      if (ticket === undefined) this.#deleteSession(stream);
      this.write(stream, { kind: 'user', body }, 'dialer', ticket === undefined, out);
    }
  }

  onData(stream: StreamId, bytes: Uint8Array, now: Millis, out: Effect[]): void {
    const session = this.#sessions.get(stream);
    if (session === undefined) return;
    if (session.role === 'listener') {
      session.received += bytes.length;
      if (session.received > SMALL_BYTES && !this.#large.has(stream)) {
        this.#takeSlot(this.#large, stream, session.from, out);
        if (!this.#sessions.has(stream)) return;
      }
    }
    const chunks = this.#reading.get(stream);
    if (chunks !== undefined) return void chunks.push(bytes);
    this.#out = out;
    if (this.#work.start(this.#receive(stream, session, bytes), now)) return;
    this.#recordRefused(peerOf(session), 'too much work of streams waits', out);
    if (this.#sessions.has(stream)) this.#closeStream(stream, out);
    this.#reading.delete(stream);
    this.#reportFailure(session, 'this agent has too much to do', 'closed', now);
  }

  /** Reads what has come of a message, and handles it once it is complete. */
  *#receive(stream: StreamId, session: Session, bytes: Uint8Array): InTurns<void> {
    try {
      const message = yield* this.#read(stream, session, bytes);
      if (message === undefined) return;
      this.#timers.clear(stream); // how long it takes to handle it is not the peer's doing
      if (session.role === 'listener') yield* this.#handleRequest(stream, session.from, message);
      else yield* this.#handleResponse(stream, session, message);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#handleMalformed(stream, session, error, this.#work.now);
    }
  }

  /** Data that comes meanwhile waits in `#reading`. `undefined`: more must come, or the stream was closed. */
  *#read(stream: StreamId, { decoder }: Session, bytes: Uint8Array): InTurns<StreamMessage | undefined> {
    let message = decoder.push(bytes);
    if (message !== undefined || !decoder.isBusy) return message;
    const chunks: Uint8Array[] = [];
    this.#reading.set(stream, chunks);
    try {
      while (message === undefined && (decoder.isBusy || chunks.length > 0)) {
        yield;
        if (!this.#sessions.has(stream)) return undefined;
        message = decoder.push(chunks.shift() ?? NO_BYTES);
      }
      return message;
    } finally {
      this.#reading.delete(stream);
    }
  }

  /** `failure`: no connection came about. */
  onClosed(
    stream: StreamId,
    { why, failure }: { readonly why?: string; readonly failure?: DialFailure },
    now: Millis,
  ): void {
    const session = this.#sessions.get(stream);
    if (session === undefined) return;
    this.#deleteSession(stream);
    this.#reportFailure(session, why ?? 'closed before it answered', failure ?? 'closed', now);
  }

  /** This agent's loop was late: that is not the peers' doing, whose answers may wait in the sockets. */
  onStall(lateness: Millis): void {
    this.#timers.postpone(lateness);
  }

  tick(now: Millis, out: Effect[]): void {
    this.#out = out;
    this.#work.tick(now);
    for (let stream = this.#timers.pop(now); stream !== undefined; stream = this.#timers.pop(now)) {
      const session = this.#sessions.get(stream);
      if (session === undefined) continue;
      this.#closeStream(stream, out);
      const isConnected = session.role === 'ping' && session.connected;
      this.#reportFailure(session, 'no answer in time', isConnected ? 'unanswered' : 'timeout', now);
    }
  }

  *#handleRequest(stream: StreamId, from: Address, message: StreamMessage): InTurns<void> {
    switch (message.kind) {
      case 'pushPull':
        return yield* this.#handlePushPull(stream, from, message);
      case 'ping':
        if (!this.#host.isOwnName(message.node)) return this.#closeStream(stream, this.#out);
        return this.#answer(stream, { kind: 'ack', seqNo: message.seqNo, payload: NO_BYTES });
      case 'user': {
        if (isWatchType(message.body[0] ?? 0)) {
          const isKept = this.#host.keepOpen(stream, message.body, this.#out);
          return isKept ? this.#deleteSession(stream) : this.#closeStream(stream, this.#out);
        }
        const body = yield* this.#host.handleUserMessage(from, message.body, this.#work);
        if (!this.#sessions.has(stream)) return;
        if (body === undefined) return this.#closeStream(stream, this.#out);
        return this.#answer(stream, { kind: 'user', body });
      }
      case 'ack':
      case 'err':
        throw new WireError('malformed', `${message.kind} in place of a request`);
    }
  }

  /** The answer is sent before the merge, so a dialer with an incompatible state still gets ours. */
  *#handlePushPull(stream: StreamId, from: Address, message: PushPull): InTurns<void> {
    if (!this.#host.acquirePushPull(from, this.#work.now)) return this.#refuse(stream, from, this.#out);
    yield* this.#host.readPushPull(message, this.#work);
    if (!this.#sessions.has(stream)) return;
    this.#answer(stream, this.#host.composePushPull(message.join, { theirs: message }));
    yield* this.#host.mergeRemoteState(message, from, undefined, this.#work);
  }

  #answer(stream: StreamId, message: StreamMessage): void {
    this.#deleteSession(stream);
    this.write(stream, message, 'listener', true, this.#out);
  }

  /** The reason is sent as an error message, so that the peer's operator sees it. */
  #refuse(stream: StreamId, from: Address, out: Effect[]): void {
    this.#recordRefused(from, 'push/pull rate limit exceeded', out);
    const error = 'too many push/pulls from your address, at most one in 5 s: try again later';
    this.#answer(stream, { kind: 'err', error });
  }

  /** The stream is closed before its response is handled: its peer closes it meanwhile. */
  *#handleResponse(
    stream: StreamId,
    session: Exclude<Session, { role: 'listener' }>,
    message: StreamMessage,
  ): InTurns<void> {
    if (message.kind === 'err')
      throw new WireError('remote', `the peer says: ${message.error.slice(0, 200)}`);
    if (session.role === 'ping') {
      this.#closeStream(stream, this.#out);
      const ok = message.kind === 'ack' && message.seqNo === session.ping.seqNo;
      return this.#host.onPingOutcome(session.ping.seqNo, ok ? 'acked' : 'closed', this.#work.now);
    }
    if (session.role === 'request') {
      if (message.kind !== 'user') throw new WireError('malformed', `${message.kind} in place of a response`);
      this.#closeStream(stream, this.#out);
      return yield* this.#host.onResponse(session.request, message.body, this.#work);
    }
    if (message.kind !== 'pushPull')
      throw new WireError('malformed', `${message.kind} in place of a push/pull`);
    this.#closeStream(stream, this.#out);
    yield* this.#host.readPushPull(message, this.#work);
    const news = yield* this.#host.mergeRemoteState(message, session.sync.to, session.sync, this.#work);
    this.#host.onPushPullFinished(session.sync, { ok: true, news }, this.#work.now);
  }

  /** Malformed bytes end the session. A listener sends an error message before, as memberlist does. */
  #handleMalformed(stream: StreamId, session: Session, error: WireError, now: Millis): void {
    this.#recordRejected(peerOf(session), error, this.#out);
    if (this.#sessions.has(stream)) {
      if (session.role === 'listener' && error.code !== 'badLabel')
        return this.#answer(stream, { kind: 'err', error: error.message });
      this.#closeStream(stream, this.#out);
    }
    this.#reportFailure(session, error.message, 'closed', now);
  }

  #reportFailure(session: Session, why: string, failure: StreamFailure, now: Millis): void {
    if (session.role === 'sync') this.#host.onPushPullFinished(session.sync, { ok: false, why }, now);
    else if (session.role === 'ping') this.#host.onPingOutcome(session.ping.seqNo, failure, now);
    else if (session.role === 'request')
      finish(this.#host.onResponse(session.request, undefined, unlimitedTurn(now)));
  }

  #recordRefused(from: Address, reason: string, out: Effect[]): void {
    out.push({ kind: 'fact', fact: { kind: 'streamRefused', from: from.key, reason } });
  }

  #recordRejected(from: Address, error: WireError, out: Effect[]): void {
    out.push({
      kind: 'fact',
      fact: { kind: 'streamRejected', from: from.key, code: error.code, detail: error.message },
    });
  }

  #dial(session: Session, to: Address, deadline: Millis, out: Effect[]): void {
    const stream = this.nextStream();
    this.#sessions.set(stream, session);
    this.#timers.set(stream, deadline);
    out.push({ kind: 'openStream', stream, to });
  }

  nextStream(): StreamId {
    this.#lastStream += 2;
    return this.#lastStream;
  }

  write(stream: StreamId, message: StreamMessage, role: StreamRole, end: boolean, out: Effect[]): void {
    const bytes = this.#codec.sealStream(encodeStream(message), this.#envelope, { role, nonce: this.#nonce });
    out.push({ kind: 'writeStream', stream, bytes, end });
  }

  #closeStream(stream: StreamId, out: Effect[]): void {
    this.#deleteSession(stream);
    out.push({ kind: 'closeStream', stream });
  }

  #deleteSession(stream: StreamId): void {
    this.#waiting.release(stream);
    this.#large.release(stream);
    this.#sessions.delete(stream);
    this.#timers.clear(stream);
  }

  createDecoder(role: StreamRole): StreamDecoder {
    return this.#codec.createStreamDecoder(this.#envelope, role);
  }
}

function peerOf(session: Session): Address {
  if (session.role === 'listener') return session.from;
  if (session.role === 'ping') return session.to;
  return session.role === 'sync' ? session.sync.to : session.request.to;
}
