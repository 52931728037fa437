/**
 * One session per TCP stream, as dialer or listener: push/pull, ping, or user message. A session has one request and at
 * most one answer, then both sides close. Sockets belong to the shell.
 *
 * Source: memberlist net.go, handleConn, sendAndReceiveState, sendPingAndWaitForAck.
 */
import type { Address } from '../../base/address.ts';
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { DialFailure, StreamFailure } from '../../swim/types.ts';
import type { Ping, StreamMessage } from '../../wire/memberlist.ts';
import type { Envelope } from '../../wire/packet.ts';
import { encodeStream } from '../../wire/stream-writer.ts';
import { type StreamDecoder, WIRE_CODEC, type WireCodec } from '../contract/codec.ts';
import type { Effect, StreamId } from '../contract/machine.ts';
import type { PushPullRequest, StreamHost, StreamRequest } from './stream-host.ts';
import { StreamSlots } from './stream-slots.ts';

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

export class Streams {
  readonly #envelope: Envelope;
  readonly #host: StreamHost;
  readonly #nonce: () => Uint8Array;
  readonly #timeout: Millis;
  readonly #codec: WireCodec;
  readonly #sessions = new Map<StreamId, Session>();
  readonly #timers = new Timers<StreamId>();
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
    return this.#timers.deadline;
  }

  /** Dials a push/pull; its outcome goes to `host.onPushPullFinished`. */
  dialPushPull(sync: PushPullRequest, now: Millis, out: Effect[]): void {
    this.#dial(
      { role: 'sync', decoder: this.#createDecoder('dialer'), sync },
      sync.to,
      now + this.#timeout,
      out,
    );
  }

  /** Dials a ping; its outcome goes to `host.onPingOutcome` by `deadline`. */
  dialPing(to: Address, ping: Ping, deadline: Millis, out: Effect[]): void {
    const session: Session = {
      ...{ role: 'ping', decoder: this.#createDecoder('dialer'), ping, to },
      connected: false,
    };
    this.#dial(session, to, deadline, out);
  }

  /** Dials a user message; its response goes to `host.onResponse`. */
  dialRequest(request: StreamRequest, now: Millis, out: Effect[]): void {
    const session = { role: 'request', decoder: this.#createDecoder('dialer'), request } as const;
    this.#dial(session, request.to, now + this.#timeout, out);
  }

  onAccepted(stream: StreamId, from: Address, now: Millis, out: Effect[]): void {
    const decoder = this.#createDecoder('listener');
    this.#sessions.set(stream, { role: 'listener', decoder, from, received: 0 });
    this.#timers.set(stream, now + this.#timeout);
    this.#takeSlot(this.#waiting, stream, from, out);
  }

  /** Another stream may be closed for this one, or this one itself. */
  #takeSlot(slots: StreamSlots, stream: StreamId, from: Address, out: Effect[]): void {
    const victim = slots.take(stream, from, this.#host.isMemberHost(from));
    if (victim === undefined) return;
    const session = this.#sessions.get(victim);
    const loser = session === undefined ? from.key : peerOf(session).key;
    this.#closeStream(victim, out);
    const fact = { kind: 'streamRefused', from: loser, reason: 'too many streams of its network' } as const;
    out.push({ kind: 'fact', fact });
  }

  onOpened(stream: StreamId, now: Millis, out: Effect[]): void {
    const session = this.#sessions.get(stream);
    if (session?.role === 'sync')
      this.#write(stream, this.#host.composePushPull(session.sync.join, session.sync), 'dialer', false, out);
    else if (session?.role === 'ping') {
      session.connected = true;
      this.#write(stream, session.ping, 'dialer', false, out);
      this.#host.onPingOutcome(session.ping.seqNo, 'connected', now);
    } else if (session?.role === 'request') {
      const { body, ticket } = session.request;
      if (ticket === undefined) this.#deleteSession(stream);
      this.#write(stream, { kind: 'user', body }, 'dialer', ticket === undefined, out);
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
    try {
      const message = session.decoder.push(bytes);
      if (message === undefined) return;
      if (session.role === 'listener') this.#handleRequest(stream, session.from, message, now, out);
      else this.#handleResponse(stream, session, message, now, out);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#handleMalformed(stream, session, error, now, out);
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

  tick(now: Millis, out: Effect[]): void {
    for (let stream = this.#timers.pop(now); stream !== undefined; stream = this.#timers.pop(now)) {
      const session = this.#sessions.get(stream);
      if (session === undefined) continue;
      this.#closeStream(stream, out);
      const isConnected = session.role === 'ping' && session.connected;
      this.#reportFailure(session, 'no answer in time', isConnected ? 'unanswered' : 'timeout', now);
    }
  }

  #handleRequest(stream: StreamId, from: Address, message: StreamMessage, now: Millis, out: Effect[]): void {
    switch (message.kind) {
      case 'pushPull':
        if (!this.#host.acquirePushPull(from, now)) return this.#refuse(stream, from, out);
        // The answer is sent before the merge, so a dialer with an incompatible state still gets ours.
        this.#deleteSession(stream);
        this.#write(
          stream,
          this.#host.composePushPull(message.join, { theirs: message }),
          'listener',
          true,
          out,
        );
        try {
          this.#host.mergeRemoteState(message, from, undefined, now);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          this.#recordRejected(from, error, out);
        }
        return;
      case 'ping':
        if (!this.#host.isOwnName(message.node)) return this.#closeStream(stream, out);
        this.#deleteSession(stream);
        return this.#write(
          stream,
          { kind: 'ack', seqNo: message.seqNo, payload: new Uint8Array(0) },
          'listener',
          true,
          out,
        );
      case 'user': {
        const body = this.#host.handleUserMessage(from, message.body, now);
        if (body === undefined) return this.#closeStream(stream, out);
        this.#deleteSession(stream);
        return this.#write(stream, { kind: 'user', body }, 'listener', true, out);
      }
      case 'ack':
      case 'err':
        throw new WireError('malformed', `${message.kind} in place of a request`);
    }
  }

  /** The reason is sent as an error message, so that the peer's operator sees it. */
  #refuse(stream: StreamId, from: Address, out: Effect[]): void {
    this.#deleteSession(stream);
    out.push({
      kind: 'fact',
      fact: { kind: 'streamRefused', from: from.key, reason: 'push/pull rate limit exceeded' },
    });
    const error = 'too many push/pulls from your address, at most one in 5 s: try again later';
    this.#write(stream, { kind: 'err', error }, 'listener', true, out);
  }

  #handleResponse(
    stream: StreamId,
    session: Exclude<Session, { role: 'listener' }>,
    message: StreamMessage,
    now: Millis,
    out: Effect[],
  ): void {
    if (message.kind === 'err')
      throw new WireError('remote', `the peer says: ${message.error.slice(0, 200)}`);
    if (session.role === 'ping') {
      this.#closeStream(stream, out);
      const ok = message.kind === 'ack' && message.seqNo === session.ping.seqNo;
      return this.#host.onPingOutcome(session.ping.seqNo, ok ? 'acked' : 'closed', now);
    }
    if (session.role === 'request') {
      if (message.kind !== 'user') throw new WireError('malformed', `${message.kind} in place of a response`);
      this.#closeStream(stream, out);
      return this.#host.onResponse(session.request, message.body, now);
    }
    if (message.kind !== 'pushPull')
      throw new WireError('malformed', `${message.kind} in place of a push/pull`);
    const news = this.#host.mergeRemoteState(message, session.sync.to, session.sync, now);
    this.#closeStream(stream, out);
    this.#host.onPushPullFinished(session.sync, { ok: true, news }, now);
  }

  /** Malformed bytes end the session. A listener sends an error message before, as memberlist does. */
  #handleMalformed(stream: StreamId, session: Session, error: WireError, now: Millis, out: Effect[]): void {
    const from = peerOf(session);
    this.#recordRejected(from, error, out);
    if (session.role === 'listener' && error.code !== 'badLabel') {
      this.#deleteSession(stream);
      this.#write(stream, { kind: 'err', error: error.message }, 'listener', true, out);
      return;
    }
    this.#closeStream(stream, out);
    this.#reportFailure(session, error.message, 'closed', now);
  }

  #reportFailure(session: Session, why: string, failure: StreamFailure, now: Millis): void {
    if (session.role === 'sync') this.#host.onPushPullFinished(session.sync, { ok: false, why }, now);
    else if (session.role === 'ping') this.#host.onPingOutcome(session.ping.seqNo, failure, now);
    else if (session.role === 'request') this.#host.onResponse(session.request, undefined, now);
  }

  #recordRejected(from: Address, error: WireError, out: Effect[]): void {
    out.push({
      kind: 'fact',
      fact: { kind: 'streamRejected', from: from.key, code: error.code, detail: error.message },
    });
  }

  #dial(session: Session, to: Address, deadline: Millis, out: Effect[]): void {
    this.#lastStream += 2;
    const stream = this.#lastStream;
    this.#sessions.set(stream, session);
    this.#timers.set(stream, deadline);
    out.push({ kind: 'openStream', stream, to });
  }

  #write(
    stream: StreamId,
    message: StreamMessage,
    role: 'dialer' | 'listener',
    end: boolean,
    out: Effect[],
  ): void {
    const sealing = { role, nonce: this.#nonce };
    const bytes = this.#codec.sealStream(encodeStream(message), this.#envelope, sealing);
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

  #createDecoder(role: 'dialer' | 'listener'): StreamDecoder {
    return this.#codec.createStreamDecoder(this.#envelope, role);
  }
}

function peerOf(session: Session): Address {
  if (session.role === 'listener') return session.from;
  if (session.role === 'ping') return session.to;
  return session.role === 'sync' ? session.sync.to : session.request.to;
}
