/**
 * A registration that ends with this process: the agent keeps it for as long as the connection is open. When the agent is
 * away the library comes back with the same lease, and nobody else notices if it is within the grace.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:net';
import {
  type AgentConnection,
  type BackoffLimits,
  ReconnectBackoff,
  RefusedError,
  readLines,
} from '../connection.ts';
import { drainEverywhere } from './drain.ts';
import type { PartitionHandler, PartitionWorker } from './partitions.ts';

export interface LeaseOptions {
  readonly name: string;
  /** By default `NAME-PORT`. */
  readonly id?: string;
  /** Its port is registered when it listens, and it is closed after a drain. */
  readonly server?: Server;
  readonly port?: number;
  /** By default that of the node. */
  readonly address?: string;
  /** Named ports; the first is the port for clients that know no names. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly tags?: readonly string[];
  readonly meta?: Readonly<Record<string, string>>;
  readonly weights?: { readonly passing: number; readonly warning: number };
  /** In Consul's shape, beside the lease itself: `{ HTTP: 'http://127.0.0.1:80/health', Interval: '5s' }`. */
  readonly check?: Readonly<Record<string, unknown>>;
  /** How long the agent waits for this process to come back, as `10s`. */
  readonly grace?: string;
  /** The longest that a drain waits until every agent of the cluster serves it, in milliseconds; 10,000 by default. */
  readonly drainFor?: number;
  /** Whether SIGTERM drains it; true by default. */
  readonly sigterm?: boolean;
}

/** The agent writes a blank line each 20 s. */
const SILENCE = 50_000;
const DRAIN_FOR = 10_000;
/** Milliseconds for requests that are under way when a server is closed. */
const CLOSE_WITHIN = 10_000;

/** The client that a lease belongs to. */
export interface LeaseHost {
  readonly connection: AgentConnection;
  readonly backoff: BackoffLimits;
  onEnd(lease: ServiceLease): void;
}

export class ServiceLease {
  readonly lease = randomUUID();
  /** The ID of the instance. */
  readonly service: string;
  /** Resolves if it ends otherwise than by `release`: it was deregistered, or the agent refuses it. */
  readonly lost: Promise<Error>;
  readonly drainsAtSigterm: boolean;
  /** Its parts in worker pools, which end before it does. */
  readonly #workers: PartitionWorker[] = [];
  readonly #options: LeaseOptions;
  readonly #port: number;
  readonly #host: LeaseHost;
  readonly #backoff: ReconnectBackoff;
  readonly #closing = new AbortController();
  #markLost: (reason: Error) => void = () => undefined;
  #drained: Promise<void> | undefined;

  constructor(options: LeaseOptions, port: number, host: LeaseHost) {
    this.#options = options;
    this.#port = port;
    this.#host = host;
    this.#backoff = new ReconnectBackoff(host.backoff);
    this.drainsAtSigterm = options.sigterm ?? true;
    this.service = options.id ?? `${options.name}-${port}`;
    this.lost = new Promise((resolve) => {
      this.#markLost = resolve;
    });
  }

  /** Resolves when the agent has acknowledged it; while the agent is away it tries again. Rejects if it refuses. */
  hold(): Promise<void> {
    return new Promise((resolve, reject) => {
      let isHeld = false;
      const onHeld = (): void => {
        isHeld = true;
        resolve();
      };
      void this.#keep(onHeld).then((reason) => {
        this.#host.onEnd(this);
        if (!isHeld) reject(reason ?? new Error('it was released before the agent had acknowledged it'));
        else if (reason !== undefined) this.#markLost(reason);
      });
    });
  }

  /** See `HearsayClient.partitions`. */
  async takePart(count: number, handler: PartitionHandler): Promise<PartitionWorker> {
    const loaded = await import('./partitions.ts');
    const pool = { service: this.#options.name, id: this.service, count };
    const worker = new loaded.PartitionWorker(this.#host, pool, handler);
    this.#workers.push(worker);
    await worker.ready;
    return worker;
  }

  /** Takes the instance out of all answers, waits until every agent serves that, closes the server, and ends the lease. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  /** Ends the lease; the instance is gone at once. */
  async release(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    await Promise.all(this.#workers.map((worker) => worker.close()));
    // Without an answer the agent finds the connection closed, and removes the instance after the grace.
    await this.#tell('DELETE', `/v1/hearsay/lease/${this.lease}`);
    this.#closing.abort();
  }

  async #drain(): Promise<void> {
    const { server, drainFor = DRAIN_FOR } = this.#options;
    // Clients of a connection that is kept alive must come to know, too.
    server?.prependListener('request', (_, response) => response.setHeader('connection', 'close'));
    await drainEverywhere(this.#host.connection, this.service, drainFor);
    if (server !== undefined) await closeServer(server);
    await this.release();
  }

  async #tell(method: 'PUT' | 'DELETE', path: string): Promise<void> {
    await this.#host.connection.tell({ method, path }).catch((error: Error) => {
      if (error instanceof RefusedError) this.#host.connection.logger?.warn(`hearsay: ${error.message}`);
    });
  }

  /** Returns why it was lost; `undefined`: it was released. */
  async #keep(onHeld: () => void): Promise<Error | undefined> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const end = await this.#holdOnce(onHeld).catch((error: Error) => error);
      if (signal.aborted) return undefined;
      if (typeof end === 'string') return new Error(`"${this.service}" was lost: ${end}`);
      if (end instanceof RefusedError) return end;
      this.#host.connection.logger?.warn(
        `hearsay: the agent does not hold "${this.service}" (${end?.message ?? 'it stopped'}): trying again`,
      );
      await this.#backoff.wait(signal);
    }
    return undefined;
  }

  /** Returns the agent's reason if it has ended the lease, nothing if it has stopped itself. */
  async #holdOnce(onHeld: () => void): Promise<string | undefined> {
    const { grace } = this.#options;
    const response = await this.#host.connection.send({
      method: 'PUT',
      path: `/v1/hearsay/lease?lease=${this.lease}${grace === undefined ? '' : `&grace=${grace}`}`,
      body: this.#definition(),
      signal: this.#closing.signal,
      silence: SILENCE,
    });
    for await (const line of readLines(response)) {
      if (line === '') continue;
      const { ended } = JSON.parse(line) as { readonly ended?: string };
      if (ended !== undefined) return ended;
      this.#backoff.reset();
      onHeld();
      if (this.#drained !== undefined)
        // an agent that has come back must know, too
        void this.#tell('PUT', `/v1/hearsay/drain/${encodeURIComponent(this.service)}?enable=true`);
    }
    return undefined;
  }

  /** In Consul's shape; what is `undefined` is not sent. */
  #definition(): object {
    const { name: Name, address, ports = {}, tags, meta, weights, check } = this.#options;
    const named = Object.entries(ports).map(([Name, Port]) => ({ Name, Port }));
    const port = named.length > 0 ? { Ports: named } : { Port: this.#port };
    const more = { Address: address, Tags: tags, Meta: meta, Weights: weights, Check: check };
    return { Name, ID: this.service, ...port, ...more };
  }
}

/** The port to register; waits until a server listens. */
export async function portToRegister({ name, server, port, ports = {} }: LeaseOptions): Promise<number> {
  const given = port ?? Object.values(ports)[0];
  if (server === undefined) {
    // JSON has no NaN: the agent would see null, and register the service without a port.
    if (given === undefined || Number.isNaN(given))
      throw new TypeError(`register "${name}" with a server or a port`);
    return given;
  }
  if (!server.listening) await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string')
    throw new TypeError(
      `the server of "${name}" listens on no port: let it listen on one, as a socket file cannot be registered`,
    );
  return given ?? bound.port;
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const http = server as Server & { closeIdleConnections?(): void; closeAllConnections?(): void };
  const rest = setTimeout(() => http.closeAllConnections?.(), CLOSE_WITHIN);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    http.closeIdleConnections?.();
  });
  clearTimeout(rest);
}
