/**
 * Streams as TCP gives them: reliable, ordered, cut into pieces anywhere, slow when the network loses, silent while
 * it is cut, refused where nobody listens. What flows through is not looked at. Not modelled: bandwidth and windows.
 */

import type { Input, StreamId } from '../../agent/contract/machine.ts';
import { type Address, joinHostPort } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { SimHost } from './host.ts';
import type { SimNetwork } from './network.ts';

/** What pipes need of the world. */
export interface StreamsContext {
  readonly now: Millis;
  readonly network: SimNetwork;
  schedule(when: Millis, act: () => void): void;
  hostByAddress(key: string): SimHost | undefined;
  dispatch(host: SimHost, input: Input): void;
  /** For the trace. */
  onTransfer(from: SimHost, to: SimHost, what: string, bytes: Uint8Array): void;
}

type Segment =
  | { readonly kind: 'syn' | 'opened' | 'fin'; readonly bytes: Uint8Array; readonly due: Millis }
  | { readonly kind: 'data'; readonly bytes: Uint8Array; readonly due: Millis }
  | { readonly kind: 'reset'; readonly bytes: Uint8Array; readonly due: Millis; readonly why: string };

/** One side of a connection, and what is on its way out of it. */
interface StreamEnd {
  readonly host: SimHost;
  readonly boot: number;
  /** `undefined` for a listener that has not heard of it yet. */
  stream: StreamId | undefined;
  /** The agent here is told nothing more. */
  detached: boolean;
  /** Nothing more may be written here. */
  finished: boolean;
  /** What waits to get to the other side, in order. */
  out: Segment[];
  /** A delivery of the first of `out` is in the agenda. */
  pumping: boolean;
  /** How long the first of `out` has been held up by a cut. */
  blockedFor: Millis;
  peer: StreamEnd | undefined;
}

/** First wait after a try into a cut, doubled up to the second figure. */
const RETRY: readonly [Millis, Millis] = [200, 3000];
/** A connection that got nothing through for this long is given up by the kernel. */
const GIVE_UP: Millis = 127_000;
/** The largest piece data is delivered in. */
const MAX_PIECE_BYTES = 65_536;
const EPHEMERAL_PORT = 49_152;

export class SimStreams {
  readonly #context: StreamsContext;
  readonly #rng: Rng;
  readonly #ends = new Map<SimHost, Map<StreamId, StreamEnd>>();
  #port = 0;

  constructor(context: StreamsContext, rng: Rng) {
    this.#context = context;
    this.#rng = rng;
  }

  dial(host: SimHost, stream: StreamId, to: Address): void {
    const end = this.#createEnd(host, stream);
    this.#register(end);
    const target = this.#context.hostByAddress(to.key);
    // Nobody has this address: the packet goes nowhere, and the dialer's own patience ends it.
    if (target === undefined) return;
    end.peer = this.#createEnd(target, undefined);
    end.peer.peer = end;
    this.#send(end, { kind: 'syn', bytes: NO_BYTES, due: 0 });
  }

  write(host: SimHost, stream: StreamId, bytes: Uint8Array, last: boolean): void {
    const end = this.#find(host, stream);
    if (end === undefined || end.finished) return;
    for (const piece of this.#pieces(bytes)) this.#send(end, { kind: 'data', bytes: piece, due: 0 });
    if (last) this.#finish(end);
  }

  /** Drops it: what was not yet under way is lost, the other side is told. */
  close(host: SimHost, stream: StreamId): void {
    const end = this.#find(host, stream);
    if (end !== undefined) this.#abort(end, 'reset by peer');
  }

  /** The process on `host` is gone; its kernel says so unless the machine went dark with it. */
  onProcessEnd(host: SimHost): void {
    for (const end of this.#ends.get(host)?.values() ?? []) {
      if (host.poweredOff) {
        end.detached = true;
        end.out = [];
      } else this.#abort(end, 'reset by peer');
    }
    this.#ends.delete(host);
  }

  #finish(end: StreamEnd): void {
    if (end.finished) return;
    end.finished = true;
    this.#send(end, { kind: 'fin', bytes: NO_BYTES, due: 0 });
  }

  #abort(end: StreamEnd, why: string): void {
    // After our last byte the kernel still delivers in peace; a reset would only be noise.
    const { finished } = end;
    this.#detach(end);
    if (finished) return;
    end.finished = true;
    end.out = end.pumping ? end.out.slice(0, 1) : [];
    this.#send(end, { kind: 'reset', bytes: NO_BYTES, due: 0, why });
  }

  #send(end: StreamEnd, segment: Segment): void {
    const to = end.peer;
    if (to === undefined) return;
    const before = end.out[end.out.length - 1]?.due ?? 0;
    const due = this.#context.now + this.#context.network.segmentDelay(end.host.label, to.host.label);
    end.out.push({ ...segment, due: Math.max(before, due) });
    if (!end.pumping) this.#pump(end);
  }

  #pump(end: StreamEnd): void {
    const first = end.out[0];
    end.pumping = first !== undefined;
    if (first !== undefined)
      this.#context.schedule(Math.max(first.due, this.#context.now), () => this.#arrive(end));
  }

  #arrive(end: StreamEnd): void {
    const first = end.out[0];
    const to = end.peer;
    end.pumping = false;
    if (first === undefined || to === undefined) return;
    const { network } = this.#context;
    const cut = network.isBlocked(end.host.label, to.host.label, first.kind === 'syn');
    if (cut || to.host.poweredOff) return this.#wait(end);
    end.blockedFor = 0;
    end.out.shift();
    this.#context.onTransfer(end.host, to.host, first.kind, first.bytes);
    this.#deliverSegment(first, to);
    this.#pump(end);
  }

  #wait(end: StreamEnd): void {
    const wait = Math.min(RETRY[1], Math.max(RETRY[0], end.blockedFor));
    end.blockedFor += wait;
    if (end.blockedFor > GIVE_UP) {
      end.out = [];
      this.#notifyClosed(end, 'timed out');
      return;
    }
    end.pumping = true;
    this.#context.schedule(this.#context.now + wait, () => this.#arrive(end));
  }

  #deliverSegment(segment: Segment, to: StreamEnd): void {
    const { host } = to;
    if (segment.kind === 'syn') return this.#accept(to);
    if (segment.kind === 'reset') return this.#notifyClosed(to, segment.why);
    if (to.boot !== host.bootCount || !host.running) {
      // A process that came after: its kernel knows no such connection.
      if (to.peer !== undefined) this.#notifyClosed(to.peer, 'reset by peer');
      return;
    }
    if (to.detached || to.stream === undefined) return;
    if (segment.kind === 'opened') this.#context.dispatch(host, { kind: 'streamOpened', stream: to.stream });
    else if (segment.kind === 'data')
      this.#context.dispatch(host, { kind: 'streamData', stream: to.stream, bytes: segment.bytes });
    else {
      // As a socket that allows no half-open state: their end is also ours, once what we wrote is out.
      this.#notifyClosed(to, undefined);
      this.#finish(to);
    }
  }

  #accept(to: StreamEnd): void {
    const { host, peer } = to;
    if (peer === undefined) return;
    if (!host.running) {
      this.#send(to, { kind: 'reset', bytes: NO_BYTES, due: 0, why: 'connection refused' });
      return;
    }
    const listener = this.#createEnd(host, host.nextStream());
    listener.peer = peer;
    peer.peer = listener;
    this.#register(listener);
    this.#port = (this.#port + 1) % 16_000;
    const port = EPHEMERAL_PORT + this.#port;
    const { ip, host: text } = peer.host.address;
    const from: Address = { ip, port, host: text, key: joinHostPort(text, port) };
    this.#context.dispatch(host, { kind: 'streamAccepted', stream: listener.stream as StreamId, from });
    this.#send(listener, { kind: 'opened', bytes: NO_BYTES, due: 0 });
  }

  /** The agent at this end learns that nothing more will come. */
  #notifyClosed(end: StreamEnd, why: string | undefined): void {
    if (end.detached) return;
    this.#detach(end);
    if (end.stream === undefined || end.boot !== end.host.bootCount || !end.host.running) return;
    this.#context.dispatch(end.host, {
      kind: 'streamClosed',
      stream: end.stream,
      ...(why === undefined ? {} : { why }),
    });
  }

  /** Random pieces, so that every reader sees messages cut anywhere; small ones often stay whole. */
  *#pieces(bytes: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    let limit = this.#rng.int(2) === 0 ? MAX_PIECE_BYTES : 1 + this.#rng.int(Math.max(1, bytes.length));
    while (from < bytes.length) {
      const to = Math.min(bytes.length, from + Math.min(limit, MAX_PIECE_BYTES));
      yield bytes.subarray(from, to);
      from = to;
      limit = 1 + this.#rng.int(MAX_PIECE_BYTES);
    }
  }

  #createEnd(host: SimHost, stream: StreamId | undefined): StreamEnd {
    return {
      host,
      boot: host.bootCount,
      stream,
      detached: false,
      finished: false,
      out: [],
      pumping: false,
      blockedFor: 0,
      peer: undefined,
    };
  }

  #register(end: StreamEnd): void {
    if (end.stream === undefined) return;
    let ends = this.#ends.get(end.host);
    if (ends === undefined) {
      ends = new Map();
      this.#ends.set(end.host, ends);
    }
    ends.set(end.stream, end);
  }

  #find(host: SimHost, stream: StreamId): StreamEnd | undefined {
    return this.#ends.get(host)?.get(stream);
  }

  #detach(end: StreamEnd): void {
    end.detached = true;
    if (end.stream !== undefined) this.#ends.get(end.host)?.delete(end.stream);
  }
}
