/**
 * A callback that one process of the fleet runs at each tick. Each process that asks for it is an instance of a service of its
 * own, leased with a port of loopback, and registers the same job; the agent that owns a tick calls the instance beside it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentConnection, RefusedError } from './connection.ts';

/** What the callback is told of its tick. */
export interface TickRun {
  readonly job: string;
  /** When it was due. */
  readonly tick: Date;
  /** From 1 on. */
  readonly attempt: number;
  /** It rises with each run, as far as its agent knows of the others: for a store that refuses lower ones. */
  readonly token: number;
  readonly node: string;
  /** Aborts when the run is over for the agent: after its timeout, or when the agent is gone. */
  readonly signal: AbortSignal;
}

export type TickCallback = (run: TickRun) => unknown;

/** The keys of a job (docs/guides/scheduling.md), and the service; by default `job-NAME`. */
export interface EveryOptions {
  readonly service?: string;
  readonly timeout?: string;
  readonly retries?: number;
  readonly overlap?: 'skip' | 'allow';
  readonly jitter?: string;
  readonly catchUp?: 'one' | 'all' | 'none';
  readonly quorum?: number;
}

export interface ScheduledCallback extends AsyncDisposable {
  /** This process is called no more, and runs that are under way end. The job stays for the others: `hearsay jobs remove NAME` ends it. */
  stop(): Promise<void>;
}

export interface EveryHost {
  readonly connection: AgentConnection;
  register(options: {
    readonly name: string;
    readonly server: Server;
  }): Promise<{ release(): Promise<void> }>;
}

/** An agent that has started without its data has forgotten the job. */
const REGISTER_AGAIN_MS = 30_000;
const MAX_BODY = 4096;

export async function startEvery(
  { connection, register }: EveryHost,
  every: string,
  name: string,
  callback: TickCallback,
  { service = `job-${name}`, ...keys }: EveryOptions = {},
): Promise<ScheduledCallback> {
  const path = `/v1/hearsay/job/${encodeURIComponent(name)}`;
  const body = { every, ...keys, service, post: `http://127.0.0.1:{port}/${encodeURIComponent(name)}` };
  const server = createServer((request, response) => void answer(request, response, name, callback));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  server.unref();
  const lease = await register({ name: service, server }).catch((error: Error) => {
    server.close();
    throw error;
  });
  const stopping = new AbortController();
  const stop = async (): Promise<void> => {
    stopping.abort();
    await lease.release();
    await closeServer(server);
  };
  try {
    await connection.tell({ method: 'PUT', path, body });
  } catch (error) {
    await stop();
    throw error;
  }
  void keepRegistered(connection, path, body, stopping.signal);
  return { stop, [Symbol.asyncDispose]: stop };
}

async function keepRegistered(
  connection: AgentConnection,
  path: string,
  body: object,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await sleep(REGISTER_AGAIN_MS, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      await connection.tell({ method: 'GET', path });
    } catch (error) {
      // An agent that is away comes back, with the job or without.
      if (!(error instanceof RefusedError)) continue;
      await connection
        .tell({ method: 'PUT', path, body })
        .catch((refused: Error) => connection.logger?.warn(`hearsay: ${refused.message}`));
    }
  }
}

/** A callback that throws is a run that failed: the agent has its message, and tries again where `retries` allow it. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  callback: TickCallback,
): Promise<void> {
  const over = new AbortController();
  response.once('close', () => over.abort());
  try {
    const { job, tick, attempt, token, node } = await readRun(request);
    if (job !== name) throw new Error(`this process runs ${name}, not ${job}`);
    await callback({ job, tick: new Date(tick), attempt, token, node, signal: over.signal });
    response.end('done\n');
  } catch (error) {
    response.statusCode = 500;
    response.end(`${error instanceof Error ? error.message : String(error)}\n`);
  }
}

type RunBody = Readonly<{ job: string; tick: string; attempt: number; token: number; node: string }>;

async function readRun(request: IncomingMessage): Promise<RunBody> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_BODY) throw new Error('that is no run of a job');
  }
  return JSON.parse(text) as RunBody;
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
