/**
 * One connection: its requests are answered one after another, and the records of its streams are written between them.
 * What a client sends is read only as fast as it reads the replies; one that does not read its records is cut off.
 */
import type { Socket } from 'node:net';
import { isLoopback, joinHostPort, parseIp } from '../../base/address.ts';
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { MsgpackReader } from '../../wire/msgpack.ts';
import type { RpcClient, RpcSite } from '../commands/command.ts';
import { packReply } from '../protocol/replies.ts';
import { RequestHeader } from '../protocol/requests.ts';
import { ValueReader } from '../protocol/value-reader.ts';
import { Session, type SessionAccess, type SessionReply } from './session.ts';
import { ClientStreams, type StreamTotals } from './streams.ts';

export interface RpcLimits {
  /** The time for the handshake, for the rest of a request, and for a client to read a reply. */
  readonly timeout: Millis;
  /** Bytes of records that may wait for one client. */
  readonly maxUnread: number;
  /** If more wait for all clients together, those are cut off that have more than `minUnread`. */
  readonly maxUnreadInAll: number;
  readonly minUnread: number;
}

export interface ConnectionOptions {
  readonly site: RpcSite;
  readonly access: SessionAccess;
  readonly totals: StreamTotals;
  readonly limits: RpcLimits;
  /** We closed the connection for what the client has done, or has not. */
  onClientClosed(client: string, reason: string): void;
  /** A fault of the agent. */
  onError(error: unknown): void;
}

type Header = ReturnType<typeof RequestHeader.read>;

export class Connection implements RpcClient {
  readonly name: string;
  readonly isLocal: boolean;
  readonly streams: ClientStreams;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #session: Session;
  readonly #reader = new ValueReader();
  /** A header whose body has not arrived yet. */
  #header: Header | undefined;
  #serving: Promise<void> | undefined;
  #unreadRecords = 0;
  #isClosing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    const { remoteAddress = '', remotePort = 0 } = socket;
    const ip = parseIp(remoteAddress);
    this.name = joinHostPort(remoteAddress, remotePort);
    this.isLocal = ip !== undefined && isLoopback(ip);
    this.streams = new ClientStreams(options.totals);
    this.#socket = socket;
    this.#options = options;
    this.#session = new Session(options.access, options.site, this);
    socket.on('data', (chunk) => this.#onData(chunk));
    socket.on('error', () => socket.destroy()); // a reset by the client is no error of ours
    socket.on('close', () => {
      this.#isClosing = true;
      clearTimeout(this.#timer);
      this.streams.closeAll();
    });
    this.#armTimer();
  }

  sendRecord(seq: number, body: unknown): void {
    if (this.#isClosing) return;
    const { limits, totals } = this.#options;
    const isOver = totals.unreadRecords > limits.maxUnreadInAll && this.#unreadRecords > limits.minUnread;
    if (isOver || this.#unreadRecords > limits.maxUnread) {
      // The log may be what is streamed, so it must not be written to from here.
      queueMicrotask(() => this.#closeFor('it reads its records too slowly'));
      return;
    }
    const bytes = packReply(seq, '', body);
    this.#countUnread(bytes.length);
    this.#socket.write(bytes, () => this.#countUnread(-bytes.length));
  }

  #countUnread(bytes: number): void {
    this.#unreadRecords += bytes;
    this.#options.totals.unreadRecords += bytes;
  }

  /** Ends the connection once the present request is answered. */
  async close(): Promise<void> {
    await this.#serving;
    this.#isClosing = true;
    this.streams.closeAll();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#isClosing) return;
    this.#reader.push(chunk);
    this.#serving ??= this.#serve().finally(() => {
      this.#serving = undefined;
    });
  }

  /** Answers all requests that have arrived. */
  async #serve(): Promise<void> {
    this.#socket.pause();
    clearTimeout(this.#timer);
    try {
      while (!this.#isClosing && (await this.#answerNext()));
    } catch (error) {
      if (error instanceof WireError) this.#closeFor(`it sent a wrong request: ${error.message}`);
      else {
        this.#options.onError(error);
        this.#socket.destroy();
      }
    }
    if (this.#isClosing) return;
    this.#armTimer();
    this.#socket.resume();
  }

  /** False while no whole request is there. */
  async #answerNext(): Promise<boolean> {
    this.#header ??= this.#nextHeader();
    if (this.#header === undefined) return false;
    const { command, seq } = this.#header;
    const begun = this.#session.begin(command);
    if (!('hasBody' in begun)) return this.#send(seq, begun);
    const value = begun.hasBody ? this.#reader.next() : undefined;
    if (begun.hasBody && value === undefined) return false;
    this.#header = undefined;
    return this.#send(seq, await this.#run(command, seq, value));
  }

  #nextHeader(): Header | undefined {
    const value = this.#reader.next();
    return value === undefined ? undefined : RequestHeader.read(new MsgpackReader(value));
  }

  async #run(command: string, seq: number, value: Uint8Array | undefined): Promise<SessionReply> {
    try {
      return await this.#session.run(command, seq, value);
    } catch (error) {
      if (error instanceof WireError) throw error;
      this.#options.onError(error);
      return {
        error: 'the agent failed: its log says why, please report it',
        body: Session.failureBody(command),
      };
    }
  }

  async #send(seq: number, { error = '', body, close, afterwards }: SessionReply): Promise<boolean> {
    if (this.#isClosing) return false;
    const isRead = this.#socket.write(packReply(seq, error, body));
    if (close !== undefined) {
      this.#isClosing = true;
      this.#socket.end();
      this.#armTimer();
      this.#options.onClientClosed(this.name, close);
      return false;
    }
    afterwards?.();
    if (!isRead) await this.#drained();
    return true;
  }

  /** A client that pipelines requests and reads nothing holds one reply at most. */
  #drained(): Promise<void> {
    const { timeout } = this.#options.limits;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#closeFor('it does not read a reply'), timeout);
      const onDone = (): void => {
        clearTimeout(timer);
        this.#socket.off('drain', onDone);
        this.#socket.off('close', onDone);
        resolve();
      };
      this.#socket.on('drain', onDone);
      this.#socket.on('close', onDone);
    });
  }

  /** A client may be silent for any time between requests, but not before its handshake and not within a request. */
  #armTimer(): void {
    clearTimeout(this.#timer);
    const waits =
      !this.#session.isReady || this.#isClosing || this.#header !== undefined || !this.#reader.isEmpty;
    if (!waits) return;
    this.#timer = setTimeout(() => {
      if (this.#isClosing) this.#socket.destroy();
      else this.#closeFor('it did not finish its request in time');
    }, this.#options.limits.timeout);
  }

  #closeFor(reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#socket.destroy();
    this.#options.onClientClosed(this.name, reason);
  }
}
