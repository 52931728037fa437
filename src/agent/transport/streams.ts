/**
 * One session per TCP stream, as dialer or listener: push/pull, ping, or user message. A session has one request and at
 * most one answer, then both sides close. Sockets belong to the shell.
 *
 * Source: memberlist net.go, handleConn, sendAndReceiveState, sendPingAndWaitForAck.
 */
import type { Address } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { DialFailure, StreamFailure, StreamPingOutcome } from '../../swim/types.ts';
import type { Ping, PushPull, StreamMessage } from '../../wire/memberlist.ts';
import type { Envelope } from '../../wire/packet.ts';
import { encodeStream } from '../../wire/stream-writer.ts';
import { type StreamDecoder, WIRE_CODEC, type WireCodec } from '../contract/codec.ts';
import type { Effect, StreamId } from '../contract/machine.ts';
import type { PullTicket } from '../replication/host.ts';

/** The outcome of a push/pull that we dialed. `news` counts members that are up and were not before. */
export type PushPullOutcome =
  | { readonly ok: true; readonly news: number }
  | { readonly ok: false; readonly why: string };

export interface StreamHost {
  /** False if this peer has exceeded its rate of push/pulls. */
  acquirePushPull(from: Address, now: Millis): boolean;
  composePushPull(join: boolean, peer: { readonly to: Address } | { readonly theirs: PushPull }): PushPull;
  /**
   * Merges a peer's state and counts its news; with `sync` we dialed it. Throws `WireError` if it is incompatible with
   * ours.
   */
  mergeRemoteState(state: PushPull, from: Address, sync: PushPullRequest | undefined, now: Millis): number;
  /** Whether a stream ping to this name is for this agent. */
  isOwnName(node: string): boolean;
  /** Handles a user message; returns the response if the peer waits for one. */
  handleUserMessage(from: Address, body: Uint8Array, now: Millis): Uint8Array | undefined;
  /** A request of ours has ended, without a response if `body` is `undefined`. Throws `WireError`. */
  onResponse(request: StreamRequest, body: Uint8Array | undefined, now: Millis): void;
  /** A ping of ours has connected, or ended. */
  onPingOutcome(seqNo: number, outcome: StreamPingOutcome, now: Millis): void;
  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void;
}

/** A push/pull to dial, and what it is for. */
export interface PushPullRequest {
  readonly to: Address;
  readonly join: boolean;
  /** It belongs to the join command with this ticket. */
  readonly ticket?: number;
  /** It is an early sync (early-sync.ts). */
  readonly early?: boolean;
}

/** A user message to send over a stream, between catalog peers. */
export interface StreamRequest {
  readonly to: Address;
  readonly body: Uint8Array;
  /** Returned with the response; `undefined`: none is expected. */
  readonly ticket: PullTicket | undefined;
}

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
  | { readonly role: 'listener'; readonly decoder: StreamDecoder; readonly from: Address };

/** Streams of dialers at one time; further ones are closed. Source: memberlist maxPushPullRequests. */
const MAX_INBOUND = 128;

export class Streams {
  readonly #envelope: Envelope;
  readonly #host: StreamHost;
  readonly #nonce: () => Uint8Array;
  readonly #timeout: Millis;
  readonly #codec: WireCodec;
  readonly #sessions = new Map<StreamId, Session>();
  readonly #timers = new Timers<StreamId>();
  #inbound = 0;
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
    if (this.#inbound >= MAX_INBOUND) {
      out.push({ kind: 'closeStream', stream });
      out.push({
        kind: 'fact',
        fact: { kind: 'streamRefused', from: from.key, reason: 'too many streams at once' },
      });
      return;
    }
    this.#inbound += 1;
    this.#sessions.set(stream, { role: 'listener', decoder: this.#createDecoder('listener'), from });
    this.#timers.set(stream, now + this.#timeout);
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
    if (this.#sessions.get(stream)?.role === 'listener') this.#inbound -= 1;
    // Invariant: no listener is counted out twice.
    assert(this.#inbound >= 0, `${this.#inbound} inbound streams`);
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
