/**
 * Streams as TCP gives them: reliable, ordered, cut into pieces anywhere, slow when the network loses, silent while
 * it is cut, refused where nobody listens. What flows through is not looked at. Not modelled: bandwidth and windows.
 */

import type { Input, StreamId } from '../../agent/contract/machine.ts';
import { type Address, joinHostPort } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { Host } from './host.ts';
import type { Network } from './network.ts';

/** What pipes need of the world. */
export interface Ground {
  readonly now: Millis;
  readonly network: Network;
  at(when: Millis, act: () => void): void;
  hostAt(key: string): Host | undefined;
  feed(host: Host, input: Input): void;
  /** For the trace. */
  moved(from: Host, to: Host, what: string, bytes: Uint8Array): void;
}

type Segment =
  | { readonly kind: 'syn' | 'opened' | 'fin'; readonly bytes: Uint8Array; readonly due: Millis }
  | { readonly kind: 'data'; readonly bytes: Uint8Array; readonly due: Millis }
  | { readonly kind: 'reset'; readonly bytes: Uint8Array; readonly due: Millis; readonly why: string };

/** One side of a connection, and what is on its way out of it. */
interface End {
  readonly host: Host;
  readonly life: number;
  /** `undefined` for a listener that has not heard of it yet. */
  stream: StreamId | undefined;
  /** The agent here is told nothing more. */
  silent: boolean;
  /** Nothing more may be written here. */
  finished: boolean;
  /** What waits to get to the other side, in order. */
  out: Segment[];
  /** A delivery of the first of `out` is in the agenda. */
  pumping: boolean;
  /** How long the first of `out` has been held up by a cut. */
  held: Millis;
  other: End | undefined;
}

/** First wait after a try into a cut, doubled up to the second figure. */
const RETRY: readonly [Millis, Millis] = [200, 3000];
/** A connection that got nothing through for this long is given up by the kernel. */
const GIVE_UP: Millis = 127_000;
/** The largest piece data is delivered in. */
const MAX_PIECE_BYTES = 65_536;
const EPHEMERAL_PORT = 49_152;

export class Pipes {
  readonly #ground: Ground;
  readonly #rng: Rng;
  readonly #ends = new Map<Host, Map<StreamId, End>>();
  #port = 0;

  constructor(ground: Ground, rng: Rng) {
    this.#ground = ground;
    this.#rng = rng;
  }

  dial(host: Host, stream: StreamId, to: Address): void {
    const end = this.#end(host, stream);
    this.#register(end);
    const target = this.#ground.hostAt(to.key);
    // Nobody has this address: the packet goes nowhere, and the dialer's own patience ends it.
    if (target === undefined) return;
    end.other = this.#end(target, undefined);
    end.other.other = end;
    this.#send(end, { kind: 'syn', bytes: NO_BYTES, due: 0 });
  }

  write(host: Host, stream: StreamId, bytes: Uint8Array, last: boolean): void {
    const end = this.#find(host, stream);
    if (end === undefined || end.finished) return;
    for (const piece of this.#pieces(bytes)) this.#send(end, { kind: 'data', bytes: piece, due: 0 });
    if (last) this.#finish(end);
  }

  /** Drops it: what was not yet under way is lost, the other side is told. */
  close(host: Host, stream: StreamId): void {
    const end = this.#find(host, stream);
    if (end !== undefined) this.#abort(end, 'reset by peer');
  }

  /** The process on `host` is gone; its kernel says so unless the machine went dark with it. */
  fell(host: Host): void {
    for (const end of this.#ends.get(host)?.values() ?? []) {
      if (host.dark) {
        end.silent = true;
        end.out = [];
      } else this.#abort(end, 'reset by peer');
    }
    this.#ends.delete(host);
  }

  #finish(end: End): void {
    if (end.finished) return;
    end.finished = true;
    this.#send(end, { kind: 'fin', bytes: NO_BYTES, due: 0 });
  }

  #abort(end: End, why: string): void {
    // After our last byte the kernel still delivers in peace; a reset would only be noise.
    const orderly = end.finished;
    this.#forget(end);
    if (orderly) return;
    end.finished = true;
    end.out = end.pumping ? end.out.slice(0, 1) : [];
    this.#send(end, { kind: 'reset', bytes: NO_BYTES, due: 0, why });
  }

  #send(end: End, segment: Segment): void {
    const to = end.other;
    if (to === undefined) return;
    const before = end.out[end.out.length - 1]?.due ?? 0;
    const due = this.#ground.now + this.#ground.network.segment(end.host.label, to.host.label);
    end.out.push({ ...segment, due: Math.max(before, due) });
    if (!end.pumping) this.#pump(end);
  }

  #pump(end: End): void {
    const first = end.out[0];
    end.pumping = first !== undefined;
    if (first !== undefined) this.#ground.at(Math.max(first.due, this.#ground.now), () => this.#arrive(end));
  }

  #arrive(end: End): void {
    const first = end.out[0];
    const to = end.other;
    end.pumping = false;
    if (first === undefined || to === undefined) return;
    const { network } = this.#ground;
    const cut = network.blocked(end.host.label, to.host.label, first.kind === 'syn');
    if (cut || to.host.dark) return this.#wait(end);
    end.held = 0;
    end.out.shift();
    this.#ground.moved(end.host, to.host, first.kind, first.bytes);
    this.#take(first, to);
    this.#pump(end);
  }

  #wait(end: End): void {
    const wait = Math.min(RETRY[1], Math.max(RETRY[0], end.held));
    end.held += wait;
    if (end.held > GIVE_UP) {
      end.out = [];
      this.#told(end, 'timed out');
      return;
    }
    end.pumping = true;
    this.#ground.at(this.#ground.now + wait, () => this.#arrive(end));
  }

  #take(segment: Segment, to: End): void {
    const { host } = to;
    if (segment.kind === 'syn') return this.#accept(to);
    if (segment.kind === 'reset') return this.#told(to, segment.why);
    if (to.life !== host.lives || !host.running) {
      // A process that came after: its kernel knows no such connection.
      if (to.other !== undefined) this.#told(to.other, 'reset by peer');
      return;
    }
    if (to.silent || to.stream === undefined) return;
    if (segment.kind === 'opened') this.#ground.feed(host, { kind: 'streamOpened', stream: to.stream });
    else if (segment.kind === 'data')
      this.#ground.feed(host, { kind: 'streamData', stream: to.stream, bytes: segment.bytes });
    else {
      // As a socket that allows no half-open state: their end is also ours, once what we wrote is out.
      this.#told(to, undefined);
      this.#finish(to);
    }
  }

  #accept(to: End): void {
    const { host, other } = to;
    if (other === undefined) return;
    if (!host.running) {
      this.#send(to, { kind: 'reset', bytes: NO_BYTES, due: 0, why: 'connection refused' });
      return;
    }
    const listener = this.#end(host, host.nextStream());
    listener.other = other;
    other.other = listener;
    this.#register(listener);
    this.#port = (this.#port + 1) % 16_000;
    const port = EPHEMERAL_PORT + this.#port;
    const { ip, host: text } = other.host.address;
    const from: Address = { ip, port, host: text, key: joinHostPort(text, port) };
    this.#ground.feed(host, { kind: 'streamAccepted', stream: listener.stream as StreamId, from });
    this.#send(listener, { kind: 'opened', bytes: NO_BYTES, due: 0 });
  }

  /** The agent at this end learns that nothing more will come. */
  #told(end: End, why: string | undefined): void {
    if (end.silent) return;
    this.#forget(end);
    if (end.stream === undefined || end.life !== end.host.lives || !end.host.running) return;
    this.#ground.feed(end.host, {
      kind: 'streamClosed',
      stream: end.stream,
      ...(why === undefined ? {} : { why }),
    });
  }

  /** Random pieces, so that every reader sees messages cut anywhere; small ones often stay whole. */
  *#pieces(bytes: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    let most = this.#rng.int(2) === 0 ? MAX_PIECE_BYTES : 1 + this.#rng.int(Math.max(1, bytes.length));
    while (from < bytes.length) {
      const to = Math.min(bytes.length, from + Math.min(most, MAX_PIECE_BYTES));
      yield bytes.subarray(from, to);
      from = to;
      most = 1 + this.#rng.int(MAX_PIECE_BYTES);
    }
  }

  #end(host: Host, stream: StreamId | undefined): End {
    const life = host.lives;
    return {
      host,
      life,
      stream,
      silent: false,
      finished: false,
      out: [],
      pumping: false,
      held: 0,
      other: undefined,
    };
  }

  #register(end: End): void {
    if (end.stream === undefined) return;
    let ends = this.#ends.get(end.host);
    if (ends === undefined) {
      ends = new Map();
      this.#ends.set(end.host, ends);
    }
    ends.set(end.stream, end);
  }

  #find(host: Host, stream: StreamId): End | undefined {
    return this.#ends.get(host)?.get(stream);
  }

  #forget(end: End): void {
    end.silent = true;
    if (end.stream !== undefined) this.#ends.get(end.host)?.delete(end.stream);
  }
}
