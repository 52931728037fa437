/** A real RPC server on loopback with a fake agent behind it, and a client. */
import { connect, type Socket } from 'node:net';
import { Packr, Unpackr } from 'msgpackr';
import { onTestFinished } from 'vitest';
import { ValueReader } from '../../../src/rpc/protocol/value-reader.ts';
import { type RpcServer, type RpcServerOptions, startRpcServer } from '../../../src/rpc/server/server.ts';
import type { HandlerEvent } from '../../../src/serf/types.ts';
import { FakeAgent, until } from '../http/fixture.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' });

export const pack = (value: unknown): Buffer => packr.pack(value);

/** Events and log lines that a test sends itself. */
export class Feed<T> {
  readonly followers = new Set<(item: T) => void>();

  add(follower: (item: T) => void): () => void {
    this.followers.add(follower);
    return () => void this.followers.delete(follower);
  }

  send(item: T): void {
    for (const follower of [...this.followers]) follower(item);
  }
}

export interface Served {
  readonly server: RpcServer;
  readonly agent: FakeAgent;
  readonly events: Feed<HandlerEvent>;
  readonly lines: Feed<string>;
  /** Lines from before, for monitors. */
  readonly recent: string[];
  /** Why connections were closed. */
  readonly closed: string[];
  connect(): Promise<Client>;
  /** A client that has shaken hands. */
  ready(): Promise<Client>;
}

/** Starts a server that is closed after the test. Errors that are a fault of the agent fail the test. */
export async function serveRpc(
  agent = new FakeAgent(),
  changes: Partial<RpcServerOptions> = {},
): Promise<Served> {
  const faults: unknown[] = [];
  const events = new Feed<HandlerEvent>();
  const lines = new Feed<string>();
  const recent: string[] = [];
  const closed: string[] = [];
  const server = await startRpcServer({
    ...{ listen: { host: '127.0.0.1', port: 0 }, agent, tokens: {}, openOperator: true, insecure: false },
    events: { follow: (onEvent) => events.add(onEvent) },
    logs: {
      follow: (_level, onLine, count = 0) => {
        for (const line of recent.slice(-count)) onLine(line);
        return lines.add(onLine);
      },
    },
    handlers: () => [],
    issueOperatorToken: async () => undefined,
    onClientClosed: (_client, reason) => closed.push(reason),
    onError: (error) => faults.push(error),
    ...changes,
  });
  const clients: Client[] = [];
  onTestFinished(async () => {
    for (const client of clients) client.close();
    await server.close();
    if (faults.length > 0) throw faults[0];
  });
  const open = async (): Promise<Client> => {
    const client = await Client.open(Number(server.address.split(':').at(-1)));
    clients.push(client);
    return client;
  };
  return {
    ...{ server, agent, events, lines, recent, closed },
    connect: open,
    ready: async () => {
      const client = await open();
      await client.call('handshake', { Version: 1 });
      return client;
    },
  };
}

export class Client {
  readonly socket: Socket;
  /** What has come and was not taken yet. */
  readonly values: unknown[] = [];
  isClosed = false;
  #seq = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    const reader = new ValueReader();
    socket.on('data', (chunk) => {
      reader.push(chunk);
      for (let value = reader.next(); value !== undefined; value = reader.next())
        this.values.push(unpackr.unpack(Buffer.from(value)));
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async open(port: number): Promise<Client> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new Client(socket);
  }

  send(command: string, body?: unknown, seq = ++this.#seq): number {
    const header = pack({ Command: command, Seq: seq });
    this.socket.write(body === undefined ? header : Buffer.concat([header, pack(body)]));
    return seq;
  }

  /** The next values, in the order in which they come. */
  async take(count: number): Promise<unknown[]> {
    await until(() => this.values.length >= count);
    return this.values.splice(0, count);
  }

  /** Sends a request; returns the error of its reply and, with `hasBody`, what follows. */
  async call(command: string, body?: unknown, hasBody = false): Promise<{ error: string; body: unknown }> {
    this.send(command, body);
    const [header, value] = await this.take(hasBody ? 2 : 1);
    return { error: (header as { Error: string }).Error, body: value };
  }

  async closedByServer(): Promise<void> {
    await until(() => this.isClosed);
  }

  close(): void {
    this.socket.destroy();
  }
}
