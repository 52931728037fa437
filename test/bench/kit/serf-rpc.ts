/** The part of Serf's RPC that the benchmarks need: one connection, a command, the header of its answer and a body. */
import { connect, type Socket } from 'node:net';
import { Packr } from 'msgpackr';

const packr = new Packr({ useRecords: false, variableMapSize: true });

interface Waiting {
  readonly withBody: boolean;
  settle(body: unknown, error: string): void;
}

/** Strings that are sent must be shorter than 32 octets: Serf's old msgpack has no str8 type. */
export class SerfRpc {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #buffer = Buffer.alloc(0);
  #seq = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    const onClose = (): void => {
      for (const { settle } of this.#waiting.values()) settle(undefined, 'the connection was closed');
    };
    socket.on('error', onClose).on('close', onClose);
  }

  /** Resolves after the handshake. Rejects if nobody listens. */
  static async open(ip: string, port = 7373): Promise<SerfRpc> {
    const socket = connect({ host: ip, port, noDelay: true });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    const rpc = new SerfRpc(socket);
    await rpc.#request('handshake', { Version: 1 }, false);
    return rpc;
  }

  async join(address: string): Promise<void> {
    await this.#request('join', { Existing: [address], Replay: false }, true);
  }

  async fire(event: string): Promise<void> {
    await this.#request('event', { Name: event, Payload: Buffer.alloc(0), Coalesce: false }, false);
  }

  /** Number of members that it sees as alive. */
  async alive(): Promise<number> {
    const { serf } = (await this.#request('stats', undefined, true)) as { serf: Record<string, string> };
    return Number(serf['members']) - Number(serf['failed']) - Number(serf['left']);
  }

  close(): void {
    this.#socket.destroy();
  }

  #request(command: string, body: object | undefined, withBody: boolean): Promise<unknown> {
    const seq = this.#seq++;
    const header = packr.pack({ Command: command, Seq: seq });
    this.#socket.write(body === undefined ? header : Buffer.concat([header, packr.pack(body)]));
    return new Promise((resolve, reject) => {
      const settle = (answer: unknown, error: string): void => {
        this.#waiting.delete(seq);
        if (error === '') resolve(answer);
        else reject(new Error(`serf ${command}: ${error}`));
      };
      this.#waiting.set(seq, { withBody, settle });
    });
  }

  /** Requests are sent one at a time, so the buffer holds the header and body of one answer, or the beginning of them. */
  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    let values: unknown[];
    try {
      values = packr.unpackMultiple(this.#buffer) as unknown[];
    } catch {
      return; // Not complete yet.
    }
    const { Seq, Error: error } = values[0] as { Seq: number; Error: string };
    const waiting = this.#waiting.get(Seq);
    if (waiting?.withBody === true && error === '' && values.length < 2) return;
    this.#buffer = Buffer.alloc(0);
    waiting?.settle(values[1], error);
  }
}
