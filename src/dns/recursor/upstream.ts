/** One query to one recursor, over a socket of its own that receives from that recursor only. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import { parseRecursorMessage, type RecursorMessage } from './incoming.ts';
import { lowerCaseQuestion, type RecursorQuery } from './outgoing.ts';

export interface UpstreamResponse {
  readonly bytes: Buffer;
  readonly message: RecursorMessage;
}

/** `mismatch`: datagrams from the right address did not repeat the query, as with a forged response. */
export type UpstreamOutcome = UpstreamResponse | 'mismatch' | undefined;

/** So many datagrams that do not match are an attacker's guesses. */
const MAX_MISMATCHES = 8;
const MAX_FRAME_BYTES = 2 + 65_535;

/** Sends queries, each until it is answered, times out, or all are closed. Never rejects. */
export class Upstream {
  readonly #timeout: Millis;
  readonly #inFlight = new Set<() => void>();

  constructor(timeout: Millis) {
    this.#timeout = timeout;
  }

  /** A mismatch over UDP is retried over TCP, where source addresses cannot be forged. */
  async query(
    server: Address,
    query: RecursorQuery,
    transport: 'udp' | 'tcp',
  ): Promise<UpstreamResponse | undefined> {
    if (transport === 'tcp') return this.#queryTcp(server, query);
    const outcome = await this.#queryUdp(server, query);
    return outcome === 'mismatch' ? this.#queryTcp(server, query) : outcome;
  }

  /** Ends all queries in flight without a response. */
  close(): void {
    for (const cancel of [...this.#inFlight]) cancel();
  }

  /**
   * Each query has a random source port from the kernel. The socket is connected, so it receives nothing from other
   * addresses or ports, and an ICMP error tells at once that no recursor is there.
   *
   * Source: RFC 5452 §9.2.
   */
  #queryUdp(server: Address, query: RecursorQuery): Promise<UpstreamOutcome> {
    return this.#withTimeout<UpstreamOutcome>((finish) => {
      const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
      let mismatches = 0;
      socket.on('error', () => finish(undefined));
      socket.on('message', (bytes) => {
        const message = parseRecursorMessage(bytes);
        const match = message === undefined ? 'no' : matchQuestion(message, query);
        if (message !== undefined && match === 'yes') finish({ bytes, message });
        else if (match === 'caseOnly' || ++mismatches >= MAX_MISMATCHES) finish('mismatch');
      });
      socket.connect(server.port, server.host, () => socket.send(query.bytes));
      return () => socket.close();
    });
  }

  #queryTcp(server: Address, query: RecursorQuery): Promise<UpstreamResponse | undefined> {
    return this.#withTimeout<UpstreamResponse>((finish) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.bytes.length);
      let received: Buffer = Buffer.alloc(0);
      const socket = connect({ host: server.host, port: server.port, noDelay: true }, () =>
        socket.write(Buffer.concat([length, query.bytes])),
      );
      socket.on('error', () => finish(undefined));
      socket.on('close', () => finish(undefined));
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length > MAX_FRAME_BYTES) return finish(undefined);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const bytes = received.subarray(2, 2 + received.readUInt16BE(0));
        const message = parseRecursorMessage(bytes);
        finish(
          message === undefined || matchQuestion(message, query) === 'no' ? undefined : { bytes, message },
        );
      });
      return () => socket.destroy();
    });
  }

  /** Runs `start` until it finishes, times out or is canceled. Then calls the cleanup that `start` returned, once. */
  #withTimeout<T>(start: (finish: (value: T | undefined) => void) => () => void): Promise<T | undefined> {
    return new Promise((resolve) => {
      let cleanUp = (): void => {};
      const finish = (value: T | undefined): void => {
        if (!this.#inFlight.delete(cancel)) return;
        clearTimeout(timer);
        cleanUp();
        resolve(value);
      };
      const cancel = (): void => finish(undefined);
      const timer = setTimeout(cancel, this.#timeout);
      this.#inFlight.add(cancel);
      cleanUp = start(finish);
    });
  }
}

/** `caseOnly`: id and question match, but for the letter case. */
function matchQuestion(message: RecursorMessage, { id, question }: RecursorQuery): 'yes' | 'caseOnly' | 'no' {
  if (message.id !== id || message.question.length !== question.length) return 'no';
  if (Buffer.compare(message.question, question) === 0) return 'yes';
  return Buffer.compare(lowerCaseQuestion(message.question), lowerCaseQuestion(question)) === 0
    ? 'caseOnly'
    : 'no';
}
