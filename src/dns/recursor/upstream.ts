/** One question to one recursor and back: a socket of its own for each, which hears nobody else. */
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

/** `doubtful`: something spoke under the right address that does not know the question as we spelled it. */
export type UpstreamOutcome = UpstreamResponse | 'mismatch' | undefined;

/** So many datagrams that do not fit are guesses of someone else's. */
const MAX_MISMATCHES = 8;
const MAX_FRAME_BYTES = 2 + 65_535;

/** Asks until it is answered, silent for `timeout`, or closed. Never rejects. */
export class Upstream {
  readonly #timeout: Millis;
  readonly #open = new Set<() => void>();

  constructor(timeout: Millis) {
    this.#timeout = timeout;
  }

  /** Over a datagram; where that gave a doubtful answer, over TCP, where nobody can speak for another. */
  async query(
    server: Address,
    question: RecursorQuery,
    transport: 'udp' | 'tcp',
  ): Promise<UpstreamResponse | undefined> {
    if (transport === 'tcp') return this.#queryTcp(server, question);
    const outcome = await this.#queryUdp(server, question);
    return outcome === 'mismatch' ? this.#queryTcp(server, question) : outcome;
  }

  /** Everything under way ends without an answer. */
  close(): void {
    for (const end of [...this.#open]) end();
  }

  /**
   * From a port that the kernel draws at random for this question alone. The socket is connected, so that nothing from
   * another address or port is heard, and a recursor that is not there is known at once.
   *
   * Source: RFC 5452 §9.2.
   */
  #queryUdp(server: Address, question: RecursorQuery): Promise<UpstreamOutcome> {
    return this.#withTimeout<UpstreamOutcome>((finish) => {
      const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
      let misfits = 0;
      socket.on('error', () => finish(undefined));
      socket.on('message', (bytes) => {
        const message = parseRecursorMessage(bytes);
        const fit = message === undefined ? 'no' : matchQuestion(message, question);
        if (message !== undefined && fit === 'yes') finish({ bytes, message });
        else if (fit === 'butForLetters' || ++misfits >= MAX_MISMATCHES) finish('mismatch');
      });
      socket.connect(server.port, server.host, () => socket.send(question.bytes));
      return () => socket.close();
    });
  }

  #queryTcp(server: Address, question: RecursorQuery): Promise<UpstreamResponse | undefined> {
    return this.#withTimeout<UpstreamResponse>((finish) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(question.bytes.length);
      let held: Buffer = Buffer.alloc(0);
      const socket = connect({ host: server.host, port: server.port, noDelay: true }, () =>
        socket.write(Buffer.concat([length, question.bytes])),
      );
      socket.on('error', () => finish(undefined));
      socket.on('close', () => finish(undefined));
      socket.on('data', (chunk) => {
        held = Buffer.concat([held, chunk]);
        if (held.length > MAX_FRAME_BYTES) return finish(undefined);
        if (held.length < 2 || held.length < 2 + held.readUInt16BE(0)) return;
        const bytes = held.subarray(2, 2 + held.readUInt16BE(0));
        const message = parseRecursorMessage(bytes);
        finish(
          message === undefined || matchQuestion(message, question) === 'no' ? undefined : { bytes, message },
        );
      });
      return () => socket.destroy();
    });
  }

  /** Runs `start` until it finishes, its time is over or all is closed; then `start`'s own result is called, once. */
  #withTimeout<T>(start: (finish: (value: T | undefined) => void) => () => void): Promise<T | undefined> {
    return new Promise((resolve) => {
      let release = (): void => {};
      const finish = (value: T | undefined): void => {
        if (!this.#open.delete(end)) return;
        clearTimeout(timer);
        release();
        resolve(value);
      };
      const end = (): void => finish(undefined);
      const timer = setTimeout(end, this.#timeout);
      this.#open.add(end);
      release = start(finish);
    });
  }
}

function matchQuestion(
  message: RecursorMessage,
  { id, question }: RecursorQuery,
): 'yes' | 'butForLetters' | 'no' {
  if (message.id !== id || message.question.length !== question.length) return 'no';
  if (Buffer.compare(message.question, question) === 0) return 'yes';
  return Buffer.compare(lowerCaseQuestion(message.question), lowerCaseQuestion(question)) === 0
    ? 'butForLetters'
    : 'no';
}
