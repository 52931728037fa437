/** The worker of a demo: a program that holds a lease, as `hearsay exec` and the library do. Its registration ends with it. */
import { randomUUID } from 'node:crypto';
import type { Client } from '../api/client.ts';
import type { DemoServer } from './demo-service.ts';

/** How long the agent waits for it to come back. */
const GRACE = '5s';

export class DemoWorker {
  readonly id = 'worker-1';
  readonly #server: DemoServer;
  readonly #lease = randomUUID();
  #holding: AbortController | undefined;

  constructor(server: DemoServer) {
    this.#server = server;
  }

  get isRunning(): boolean {
    return this.#holding?.signal.aborted === false;
  }

  /** Listens, and resolves when the agent has the lease. Rejects if it does not take it. */
  async start(client: Client): Promise<void> {
    if (this.isRunning) return;
    await this.#server.open();
    const holding = new AbortController();
    this.#holding = holding;
    const { host, port } = this.#server;
    const service = { Name: 'worker', ID: this.id, Address: host, Port: port, Tags: ['demo', 'leased'] };
    await new Promise<void>((resolve, reject) => {
      // The lease is over, too, when its agent stops: a later start asks again.
      const onEnd = (error?: unknown): void => {
        holding.abort();
        if (error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error(String(error)));
      };
      client
        .hold(`/v1/hearsay/lease?lease=${this.#lease}&grace=${GRACE}`, service, holding.signal, (line) => {
          if (line.trim() !== '') resolve();
        })
        .then(() => onEnd(), onEnd);
    });
  }

  /** Ends as a crash does: the kernel closes its connections. */
  kill(): void {
    this.#holding?.abort();
    this.#server.close();
  }
}
