/**
 * The part of this process in a worker pool: its agent tells it which partitions it acquires and has to release. When the
 * agent is away it gives up at once what it holds, before another worker can have it, and begins again when the agent is back.
 */
import {
  type AgentConnection,
  type BackoffLimits,
  ReconnectBackoff,
  RefusedError,
  readLines,
} from '../connection.ts';

export interface HeldPartition {
  /** From 0 on. */
  readonly partition: number;
  /** Rises with each holder: a store that refuses lower ones is safe from a holder that lingers. */
  readonly token: number;
  /** Aborts when the partition has to be let go. */
  readonly signal: AbortSignal;
}

export interface PartitionHandler {
  /** With fewer workers in view nobody holds anything; more than half of all lets one side of a network partition hold at most. */
  readonly quorum?: number;
  /** This process holds the partition from now on. */
  acquire(held: HeldPartition): unknown;
  /** It has to let it go: the next worker waits until this has resolved. `lost`: it may not wait. */
  release(held: HeldPartition, lost: boolean): unknown;
}

interface Tenure extends HeldPartition {
  readonly stop: AbortController;
  /** What the handler has been asked to do, one after the other. */
  work: Promise<unknown>;
  isReleasing: boolean;
}

interface Line {
  readonly worker?: string;
  readonly acquire?: number;
  readonly release?: number;
  readonly token?: number;
  readonly lost?: boolean;
  readonly ended?: string;
}

/** The agent writes a blank line each second. A host that is silent is held dead later than this. */
const SILENCE = 3000;

export class PartitionWorker {
  /** Rejects if the agent refuses it; resolves when the agent has acknowledged it. */
  readonly ready: Promise<void>;
  readonly #connection: AgentConnection;
  readonly #backoff: ReconnectBackoff;
  readonly #path: string;
  readonly #handler: PartitionHandler;
  readonly #closing = new AbortController();
  readonly #held = new Map<number, Tenure>();
  #session: string | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    { connection, backoff }: { readonly connection: AgentConnection; readonly backoff: BackoffLimits },
    { service, id, count }: { readonly service: string; readonly id: string; readonly count: number },
    handler: PartitionHandler,
  ) {
    this.#connection = connection;
    this.#backoff = new ReconnectBackoff(backoff);
    const quorum = handler.quorum === undefined ? '' : `&quorum=${handler.quorum}`;
    this.#path = `/v1/hearsay/partitions/${encodeURIComponent(service)}/${count}?id=${encodeURIComponent(id)}${quorum}`;
    this.#handler = handler;
    this.ready = new Promise((resolve, reject) => void this.#keep(resolve).then(reject));
    this.ready.catch(() => undefined);
  }

  /** Token by partition. */
  get held(): ReadonlyMap<number, number> {
    return new Map(
      [...this.#held.values()]
        .filter((one) => !one.isReleasing)
        .map(({ partition, token }) => [partition, token]),
    );
  }

  /** Lets all partitions go, and takes part no more. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#held.values()].map((one) => this.#release(one, false)));
    if (this.#session !== undefined)
      await this.#connection
        .tell({ method: 'DELETE', path: `/v1/hearsay/worker/${this.#session}` })
        .catch(() => undefined); // the agent finds the connection closed
    this.#closing.abort();
  }

  /** Returns why it takes part no more. */
  async #keep(onReady: () => void): Promise<Error | undefined> {
    const { signal } = this.#closing;
    let wasReady = false;
    const onAttached = (): void => {
      wasReady = true;
      onReady();
    };
    while (!signal.aborted) {
      const end = await this.#takePart(onAttached).catch((error: Error) => error);
      this.#session = undefined;
      await Promise.all([...this.#held.values()].map((one) => this.#release(one, true)));
      if (signal.aborted) break;
      if (end instanceof RefusedError && !wasReady) return end;
      this.#connection.logger?.warn(
        `hearsay: the agent does not know this worker (${end?.message ?? 'it stopped'}): trying again`,
      );
      await this.#backoff.wait(signal);
    }
    return new Error('the worker was closed');
  }

  async #takePart(onAttached: () => void): Promise<Error | undefined> {
    const response = await this.#connection.send({
      ...{ method: 'PUT', path: this.#path, signal: this.#closing.signal, silence: SILENCE },
    });
    for await (const text of readLines(response)) {
      if (text === '') continue;
      const line = JSON.parse(text) as Line;
      if (line.ended !== undefined) return new Error(line.ended);
      if (line.worker !== undefined) {
        this.#session = line.worker;
        this.#backoff.reset();
        onAttached();
      } else if (line.acquire !== undefined) this.#acquire(line.acquire, line.token ?? 0);
      else if (line.release !== undefined) {
        const tenure = this.#held.get(line.release);
        if (tenure !== undefined && tenure.token === line.token)
          void this.#release(tenure, line.lost === true).then(() => this.#tellReleased(tenure));
      }
    }
    return undefined;
  }

  #acquire(partition: number, token: number): void {
    if (this.#closed !== undefined) return; // the agent hears that all is let go
    const stop = new AbortController();
    const before = this.#held.get(partition)?.work;
    const held = { partition, token, signal: stop.signal };
    const tenure: Tenure = { ...held, stop, isReleasing: false, work: Promise.resolve(before) };
    this.#held.set(partition, tenure);
    tenure.work = tenure.work.then(() => this.#handler.acquire(held)).catch((error) => this.#warn(error));
  }

  /** Resolves when the handler has let it go; a handler that fails has, too. */
  async #release(tenure: Tenure, lost: boolean): Promise<void> {
    const { partition, token, signal, stop } = tenure;
    stop.abort();
    if (!tenure.isReleasing) {
      tenure.isReleasing = true;
      tenure.work = tenure.work
        .then(() => this.#handler.release({ partition, token, signal }, lost))
        .catch((error) => this.#warn(error));
    }
    await tenure.work;
    if (this.#held.get(partition) === tenure) this.#held.delete(partition);
  }

  /** Until the agent has heard it: the next worker waits for that. */
  async #tellReleased({ partition, token }: Tenure): Promise<void> {
    const session = this.#session;
    while (session !== undefined && session === this.#session && !this.#closing.signal.aborted) {
      const path = `/v1/hearsay/worker/${session}/released`;
      const error = await this.#connection
        .tell({ method: 'PUT', path, body: { partition, token } })
        .catch((one: Error) => one);
      if (error === undefined || error instanceof RefusedError) return;
      await this.#backoff.wait(this.#closing.signal);
    }
  }

  #warn(error: unknown): void {
    this.#connection.logger?.warn(`hearsay: a handler of partitions failed: ${String(error)}`);
  }
}
