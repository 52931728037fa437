/**
 * One small session machine per TCP stream: push/pull and ping, as dialer and as listener. One request, at most
 * one answer, then both sides close. Sockets are the shell's, state of the rooms is the landing's.
 *
 * Source: memberlist net.go, handleConn, sendAndReceiveState, sendPingAndWaitForAck.
 */
import type { Address } from '../../base/address.ts';
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { Timers } from '../../base/timers.ts';
import type { Ping, PushPull, StreamMessage } from '../../wire/memberlist.ts';
import type { Envelope } from '../../wire/packet.ts';
import { encodeStream } from '../../wire/stream-writer.ts';
import { type StreamDecoder, WIRE_CODEC, type WireCodec } from '../contract/codec.ts';
import type { Effect, StreamId } from '../contract/machine.ts';
import type { PullTicket } from '../replication/replication.ts';

/** What a push/pull we dialed came to. `news` counts members we had not known or had held as down. */
export type PushPullOutcome =
  | { readonly ok: true; readonly news: number }
  | { readonly ok: false; readonly why: string };

/** What sessions ask of the landing. */
export interface StreamHost {
  /** May this peer exchange states now, or has it done so too often? */
  acquirePushPull(from: Address, now: Millis): boolean;
  composePushPull(join: boolean, peer: { readonly to: Address } | { readonly theirs: PushPull }): PushPull;
  /**
   * Merges a peer's state and counts news; `sync` if it was we who dialed. Throws `WireError` if it cannot live
   * with ours.
   */
  mergeRemoteState(state: PushPull, from: Address, sync: PushPullRequest | undefined, now: Millis): number;
  /** Is this stream ping meant for us? */
  isOwnName(node: string): boolean;
  /** A user message over a stream; what to answer, if the peer waits for an answer. */
  handleUserMessage(from: Address, body: Uint8Array, now: Millis): Uint8Array | undefined;
  /** How a question of ours ended; `body` is `undefined` if it was not answered. Throws `WireError`. */
  onResponse(question: StreamRequest, body: Uint8Array | undefined, now: Millis): void;
  onPingResult(seqNo: number, ok: boolean, now: Millis): void;
  onPushPullFinished(sync: PushPullRequest, outcome: PushPullOutcome, now: Millis): void;
}

/** A push/pull to dial, and whose it is. */
export interface PushPullRequest {
  readonly to: Address;
  readonly join: boolean;
  /** The join command it works for. */
  readonly ticket?: number;
  /** One of those soon after a join (followups.ts). */
  readonly early?: boolean;
}

/** A user message to dial, between agents that have a catalogue. */
export interface StreamRequest {
  readonly to: Address;
  readonly body: Uint8Array;
  /** Handed back with the answer; `undefined`: none is expected. */
  readonly ticket: PullTicket | undefined;
}

type Session =
  | { readonly role: 'sync'; readonly opener: StreamDecoder; readonly sync: PushPullRequest }
  | { readonly role: 'question'; readonly opener: StreamDecoder; readonly question: StreamRequest }
  | { readonly role: 'ping'; readonly opener: StreamDecoder; readonly ping: Ping; readonly to: Address }
  | { readonly role: 'listener'; readonly opener: StreamDecoder; readonly from: Address };

/** Served at once; further dialers are closed. Source: memberlist maxPushPullRequests. */
const MAX_INBOUND = 128;

export class Streams {
  readonly #envelope: Envelope;
  readonly #host: StreamHost;
  readonly #nonce: () => Uint8Array;
  readonly #timeout: Millis;
  readonly #wrapping: WireCodec;
  readonly #sessions = new Map<StreamId, Session>();
  readonly #timers = new Timers<StreamId>();
  #inbound = 0;
  #next: StreamId = 0;

  constructor(
    envelope: Envelope,
    host: StreamHost,
    nonce: () => Uint8Array,
    timeout: Millis,
    wrapping: WireCodec = WIRE_CODEC,
  ) {
    this.#envelope = envelope;
    this.#host = host;
    this.#nonce = nonce;
    this.#timeout = timeout;
    this.#wrapping = wrapping;
  }

  get deadline(): Millis {
    return this.#timers.deadline;
  }

  /** Dials a push/pull; the outcome comes as `host.synced`. */
  dialPushPull(sync: PushPullRequest, now: Millis, out: Effect[]): void {
    this.#dial(
      { role: 'sync', opener: this.#createDecoder('dialer'), sync },
      sync.to,
      now + this.#timeout,
      out,
    );
  }

  /** Dials a ping; the outcome comes as `host.pinged` by `deadline`. */
  dialPing(to: Address, ping: Ping, deadline: Millis, out: Effect[]): void {
    this.#dial({ role: 'ping', opener: this.#createDecoder('dialer'), ping, to }, to, deadline, out);
  }

  /** Dials a user message; its answer comes as `host.answered`. */
  dialRequest(question: StreamRequest, now: Millis, out: Effect[]): void {
    const session = { role: 'question', opener: this.#createDecoder('dialer'), question } as const;
    this.#dial(session, question.to, now + this.#timeout, out);
  }

  onAccepted(stream: StreamId, from: Address, now: Millis, out: Effect[]): void {
    if (this.#inbound >= MAX_INBOUND) {
      out.push({ kind: 'closeStream', stream });
      out.push({ kind: 'fact', fact: { kind: 'streamRefused', from: from.key, reason: 'too many at once' } });
      return;
    }
    this.#inbound += 1;
    this.#sessions.set(stream, { role: 'listener', opener: this.#createDecoder('listener'), from });
    this.#timers.set(stream, now + this.#timeout);
  }

  onOpened(stream: StreamId, out: Effect[]): void {
    const session = this.#sessions.get(stream);
    if (session?.role === 'sync')
      this.#write(stream, this.#host.composePushPull(session.sync.join, session.sync), 'dialer', false, out);
    else if (session?.role === 'ping') this.#write(stream, session.ping, 'dialer', false, out);
    else if (session?.role === 'question') {
      const { body, ticket } = session.question;
      if (ticket === undefined) this.#deleteSession(stream);
      this.#write(stream, { kind: 'user', body }, 'dialer', ticket === undefined, out);
    }
  }

  onData(stream: StreamId, bytes: Uint8Array, now: Millis, out: Effect[]): void {
    const session = this.#sessions.get(stream);
    if (session === undefined) return;
    try {
      const message = session.opener.push(bytes);
      if (message === undefined) return;
      if (session.role === 'listener') this.#handleRequest(stream, session.from, message, now, out);
      else this.#handleResponse(stream, session, message, now, out);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#handleMalformed(stream, session, error, now, out);
    }
  }

  onClosed(stream: StreamId, why: string | undefined, now: Millis): void {
    const session = this.#sessions.get(stream);
    if (session === undefined) return;
    this.#deleteSession(stream);
    this.#reportFailure(session, why ?? 'closed before it answered', now);
  }

  tick(now: Millis, out: Effect[]): void {
    for (let stream = this.#timers.pop(now); stream !== undefined; stream = this.#timers.pop(now)) {
      const session = this.#sessions.get(stream);
      if (session === undefined) continue;
      this.#closeStream(stream, out);
      this.#reportFailure(session, 'no answer in time', now);
    }
  }

  #handleRequest(stream: StreamId, from: Address, message: StreamMessage, now: Millis, out: Effect[]): void {
    switch (message.kind) {
      case 'pushPull':
        if (!this.#host.acquirePushPull(from, now)) return this.#refuse(stream, from, out);
        // The answer goes out before the merge, so a dialer we cannot live with still learns our state.
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
        throw new WireError('malformed', `${message.kind} where a request must stand`);
    }
  }

  /** In words, so that the other's operator learns of it. */
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
      return this.#host.onPingResult(session.ping.seqNo, ok, now);
    }
    if (session.role === 'question') {
      if (message.kind !== 'user') throw new WireError('malformed', `${message.kind} instead of an answer`);
      this.#closeStream(stream, out);
      return this.#host.onResponse(session.question, message.body, now);
    }
    if (message.kind !== 'pushPull')
      throw new WireError('malformed', `${message.kind} instead of a push/pull`);
    const news = this.#host.mergeRemoteState(message, session.sync.to, session.sync, now);
    this.#closeStream(stream, out);
    this.#host.onPushPullFinished(session.sync, { ok: true, news }, now);
  }

  /** Bytes that make no sense. A listener says so in words, as agents do; then the stream is closed. */
  #handleMalformed(stream: StreamId, session: Session, error: WireError, now: Millis, out: Effect[]): void {
    const from = peerOf(session);
    this.#recordRejected(from, error, out);
    if (session.role === 'listener' && error.code !== 'badLabel') {
      this.#deleteSession(stream);
      this.#write(stream, { kind: 'err', error: error.message }, 'listener', true, out);
      return;
    }
    this.#closeStream(stream, out);
    this.#reportFailure(session, error.message, now);
  }

  #reportFailure(session: Session, why: string, now: Millis): void {
    if (session.role === 'sync') this.#host.onPushPullFinished(session.sync, { ok: false, why }, now);
    else if (session.role === 'ping') this.#host.onPingResult(session.ping.seqNo, false, now);
    else if (session.role === 'question') this.#host.onResponse(session.question, undefined, now);
  }

  #recordRejected(from: Address, error: WireError, out: Effect[]): void {
    out.push({
      kind: 'fact',
      fact: { kind: 'streamRejected', from: from.key, code: error.code, detail: error.message },
    });
  }

  #dial(session: Session, to: Address, deadline: Millis, out: Effect[]): void {
    this.#next += 2;
    const stream = this.#next;
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
    const bytes = this.#wrapping.sealStream(encodeStream(message), this.#envelope, sealing);
    out.push({ kind: 'writeStream', stream, bytes, end });
  }

  #closeStream(stream: StreamId, out: Effect[]): void {
    this.#deleteSession(stream);
    out.push({ kind: 'closeStream', stream });
  }

  #deleteSession(stream: StreamId): void {
    if (this.#sessions.get(stream)?.role === 'listener') this.#inbound -= 1;
    this.#sessions.delete(stream);
    this.#timers.clear(stream);
  }

  #createDecoder(role: 'dialer' | 'listener'): StreamDecoder {
    return this.#wrapping.createStreamDecoder(this.#envelope, role);
  }
}

function peerOf(session: Session): Address {
  switch (session.role) {
    case 'listener':
      return session.from;
    case 'sync':
      return session.sync.to;
    case 'question':
      return session.question.to;
    case 'ping':
      return session.to;
  }
}
