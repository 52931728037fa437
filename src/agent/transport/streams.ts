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
import { type Opener, WIRE, type Wrapping } from '../contract/codec.ts';
import type { Effect, StreamId } from '../contract/machine.ts';
import type { PullTicket } from '../replication/replication.ts';

/** What a push/pull we dialed came to. `news` counts members we had not known or had held as down. */
export type SyncOutcome =
  | { readonly ok: true; readonly news: number }
  | { readonly ok: false; readonly why: string };

/** What sessions ask of the landing. */
export interface StreamHost {
  /** May this peer exchange states now, or has it done so too often? */
  mayPushPull(from: Address, now: Millis): boolean;
  pushPull(join: boolean, peer: { readonly to: Address } | { readonly theirs: PushPull }): PushPull;
  /**
   * Merges a peer's state and counts news; `sync` if it was we who dialed. Throws `WireError` if it cannot live
   * with ours.
   */
  merge(state: PushPull, from: Address, sync: SyncRequest | undefined, now: Millis): number;
  /** Is this stream ping meant for us? */
  isUs(node: string): boolean;
  /** A user message over a stream; what to answer, if the peer waits for an answer. */
  userMessage(from: Address, body: Uint8Array, now: Millis): Uint8Array | undefined;
  /** How a question of ours ended; `body` is `undefined` if it was not answered. Throws `WireError`. */
  answered(question: Question, body: Uint8Array | undefined, now: Millis): void;
  pinged(seqNo: number, ok: boolean, now: Millis): void;
  synced(sync: SyncRequest, outcome: SyncOutcome, now: Millis): void;
}

/** A push/pull to dial, and whose it is. */
export interface SyncRequest {
  readonly to: Address;
  readonly join: boolean;
  /** The join command it works for. */
  readonly ticket?: number;
  /** One of those soon after a join (followups.ts). */
  readonly followup?: boolean;
}

/** A user message to dial, between agents that have a catalogue. */
export interface Question {
  readonly to: Address;
  readonly body: Uint8Array;
  /** Handed back with the answer; `undefined`: none is expected. */
  readonly ticket: PullTicket | undefined;
}

type Session =
  | { readonly role: 'sync'; readonly opener: Opener; readonly sync: SyncRequest }
  | { readonly role: 'question'; readonly opener: Opener; readonly question: Question }
  | { readonly role: 'ping'; readonly opener: Opener; readonly ping: Ping; readonly to: Address }
  | { readonly role: 'listener'; readonly opener: Opener; readonly from: Address };

/** Served at once; further dialers are closed. Source: memberlist maxPushPullRequests. */
const MAX_LISTENING = 128;

export class Streams {
  readonly #envelope: Envelope;
  readonly #host: StreamHost;
  readonly #nonce: () => Uint8Array;
  readonly #timeout: Millis;
  readonly #wrapping: Wrapping;
  readonly #sessions = new Map<StreamId, Session>();
  readonly #timers = new Timers<StreamId>();
  #listening = 0;
  #next: StreamId = 0;

  constructor(
    envelope: Envelope,
    host: StreamHost,
    nonce: () => Uint8Array,
    timeout: Millis,
    wrapping: Wrapping = WIRE,
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
  sync(sync: SyncRequest, now: Millis, out: Effect[]): void {
    this.#dial({ role: 'sync', opener: this.#opener('dialer'), sync }, sync.to, now + this.#timeout, out);
  }

  /** Dials a ping; the outcome comes as `host.pinged` by `deadline`. */
  ping(to: Address, ping: Ping, deadline: Millis, out: Effect[]): void {
    this.#dial({ role: 'ping', opener: this.#opener('dialer'), ping, to }, to, deadline, out);
  }

  /** Dials a user message; its answer comes as `host.answered`. */
  ask(question: Question, now: Millis, out: Effect[]): void {
    const session = { role: 'question', opener: this.#opener('dialer'), question } as const;
    this.#dial(session, question.to, now + this.#timeout, out);
  }

  accepted(stream: StreamId, from: Address, now: Millis, out: Effect[]): void {
    if (this.#listening >= MAX_LISTENING) {
      out.push({ kind: 'closeStream', stream });
      out.push({ kind: 'fact', fact: { kind: 'streamRefused', from: from.key, why: 'too many at once' } });
      return;
    }
    this.#listening += 1;
    this.#sessions.set(stream, { role: 'listener', opener: this.#opener('listener'), from });
    this.#timers.set(stream, now + this.#timeout);
  }

  opened(stream: StreamId, out: Effect[]): void {
    const session = this.#sessions.get(stream);
    if (session?.role === 'sync')
      this.#write(stream, this.#host.pushPull(session.sync.join, session.sync), 'dialer', false, out);
    else if (session?.role === 'ping') this.#write(stream, session.ping, 'dialer', false, out);
    else if (session?.role === 'question') {
      const { body, ticket } = session.question;
      if (ticket === undefined) this.#drop(stream);
      this.#write(stream, { kind: 'user', body }, 'dialer', ticket === undefined, out);
    }
  }

  data(stream: StreamId, bytes: Uint8Array, now: Millis, out: Effect[]): void {
    const session = this.#sessions.get(stream);
    if (session === undefined) return;
    try {
      const message = session.opener.push(bytes);
      if (message === undefined) return;
      if (session.role === 'listener') this.#serve(stream, session.from, message, now, out);
      else this.#answered(stream, session, message, now, out);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#broken(stream, session, error, now, out);
    }
  }

  closed(stream: StreamId, why: string | undefined, now: Millis): void {
    const session = this.#sessions.get(stream);
    if (session === undefined) return;
    this.#drop(stream);
    this.#failed(session, why ?? 'closed before it answered', now);
  }

  tick(now: Millis, out: Effect[]): void {
    for (let stream = this.#timers.pop(now); stream !== undefined; stream = this.#timers.pop(now)) {
      const session = this.#sessions.get(stream);
      if (session === undefined) continue;
      this.#end(stream, out);
      this.#failed(session, 'no answer in time', now);
    }
  }

  #serve(stream: StreamId, from: Address, message: StreamMessage, now: Millis, out: Effect[]): void {
    switch (message.kind) {
      case 'pushPull':
        if (!this.#host.mayPushPull(from, now)) return this.#refuse(stream, from, out);
        // The answer goes out before the merge, so a dialer we cannot live with still learns our state.
        this.#drop(stream);
        this.#write(stream, this.#host.pushPull(message.join, { theirs: message }), 'listener', true, out);
        try {
          this.#host.merge(message, from, undefined, now);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          this.#rejected(from, error, out);
        }
        return;
      case 'ping':
        if (!this.#host.isUs(message.node)) return this.#end(stream, out);
        this.#drop(stream);
        return this.#write(
          stream,
          { kind: 'ack', seqNo: message.seqNo, payload: new Uint8Array(0) },
          'listener',
          true,
          out,
        );
      case 'user': {
        const body = this.#host.userMessage(from, message.body, now);
        if (body === undefined) return this.#end(stream, out);
        this.#drop(stream);
        return this.#write(stream, { kind: 'user', body }, 'listener', true, out);
      }
      case 'ack':
      case 'err':
        throw new WireError('malformed', `${message.kind} where a request must stand`);
    }
  }

  /** In words, so that the other's operator learns of it. */
  #refuse(stream: StreamId, from: Address, out: Effect[]): void {
    this.#drop(stream);
    out.push({ kind: 'fact', fact: { kind: 'streamRefused', from: from.key, why: 'push/pulls too often' } });
    const error = 'too many push/pulls from your address, at most one in 5 s: try again later';
    this.#write(stream, { kind: 'err', error }, 'listener', true, out);
  }

  #answered(
    stream: StreamId,
    session: Exclude<Session, { role: 'listener' }>,
    message: StreamMessage,
    now: Millis,
    out: Effect[],
  ): void {
    if (message.kind === 'err')
      throw new WireError('remote', `the peer says: ${message.error.slice(0, 200)}`);
    if (session.role === 'ping') {
      this.#end(stream, out);
      const ok = message.kind === 'ack' && message.seqNo === session.ping.seqNo;
      return this.#host.pinged(session.ping.seqNo, ok, now);
    }
    if (session.role === 'question') {
      if (message.kind !== 'user') throw new WireError('malformed', `${message.kind} instead of an answer`);
      this.#end(stream, out);
      return this.#host.answered(session.question, message.body, now);
    }
    if (message.kind !== 'pushPull')
      throw new WireError('malformed', `${message.kind} instead of a push/pull`);
    const news = this.#host.merge(message, session.sync.to, session.sync, now);
    this.#end(stream, out);
    this.#host.synced(session.sync, { ok: true, news }, now);
  }

  /** Bytes that make no sense. A listener says so in words, as agents do; then the stream is closed. */
  #broken(stream: StreamId, session: Session, error: WireError, now: Millis, out: Effect[]): void {
    const from = peerOf(session);
    this.#rejected(from, error, out);
    if (session.role === 'listener' && error.code !== 'badLabel') {
      this.#drop(stream);
      this.#write(stream, { kind: 'err', error: error.message }, 'listener', true, out);
      return;
    }
    this.#end(stream, out);
    this.#failed(session, error.message, now);
  }

  #failed(session: Session, why: string, now: Millis): void {
    if (session.role === 'sync') this.#host.synced(session.sync, { ok: false, why }, now);
    else if (session.role === 'ping') this.#host.pinged(session.ping.seqNo, false, now);
    else if (session.role === 'question') this.#host.answered(session.question, undefined, now);
  }

  #rejected(from: Address, error: WireError, out: Effect[]): void {
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

  #end(stream: StreamId, out: Effect[]): void {
    this.#drop(stream);
    out.push({ kind: 'closeStream', stream });
  }

  #drop(stream: StreamId): void {
    if (this.#sessions.get(stream)?.role === 'listener') this.#listening -= 1;
    this.#sessions.delete(stream);
    this.#timers.clear(stream);
  }

  #opener(role: 'dialer' | 'listener'): Opener {
    return this.#wrapping.opener(this.#envelope, role);
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
