/** A process for commands to run in, and a tiny agent for them to talk to. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { runCli } from '../../../src/cli/index.ts';
import type { Io, Signal, StartedAgent } from '../../../src/cli/io.ts';
import type { AgentConfig } from '../../../src/config/schema.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Stage {
  readonly io: Io;
  readonly out: () => string;
  readonly err: () => string;
  /** What a terminal would do at Ctrl-C. */
  send(signal: Signal): void;
  /** How many listen for `signal`. */
  listeners(signal: Signal): number;
  readonly gaveUp: number[];
}

export interface StageOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  /** What stands on stdin. */
  readonly input?: string;
  start?(config: AgentConfig): Promise<StartedAgent>;
}

export function stage({ env = {}, terminal = false, input = '', start }: StageOptions = {}): Stage {
  const out: string[] = [];
  const err: string[] = [];
  const gaveUp: number[] = [];
  const handlers = new Map<Signal, Set<() => void>>();
  return {
    io: {
      out: { write: (text) => void out.push(text), isTerminal: terminal },
      err: { write: (text) => void err.push(text), isTerminal: terminal },
      readStdin: async () => input,
      env,
      hostname: 'host-a',
      onSignal: (signal, handler) => {
        const set = handlers.get(signal) ?? new Set();
        handlers.set(signal, set.add(handler));
        return () => set.delete(handler);
      },
      startAgent: start ?? (async () => Promise.reject(new Error('nothing is started here'))),
      forceExit: (code) => void gaveUp.push(code),
    },
    out: () => out.join(''),
    err: () => err.join(''),
    send: (signal) => {
      for (const handler of handlers.get(signal) ?? []) handler();
    },
    listeners: (signal) => handlers.get(signal)?.size ?? 0,
    gaveUp,
  };
}

/** Runs `hearsay` with these words to its end. */
export async function hearsay(words: readonly string[], options: StageOptions = {}): Promise<Ran> {
  const { io, out, err } = stage(options);
  const code = await runCli(words, io);
  return { code, out: out(), err: err() };
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

const bodyOf = (headers: IncomingMessage['headers'], body: string): unknown => {
  if (body === '') return undefined;
  return headers['content-type'] === 'application/json' ? JSON.parse(body) : body;
};

/** Answers each request with what stands under its method and path; remembers what it was asked. */
export async function agentWith(
  answers: Readonly<Record<string, { readonly status?: number; readonly body?: string } | object>>,
  at: { readonly path?: string } = {},
): Promise<{ readonly url: string; readonly asked: readonly Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, headers, body: bodyOf(headers, body) });
      const answer = answers[`${method} ${url.split('?')[0]}`];
      if (answer === undefined) response.writeHead(404).end('no such route');
      else if ('status' in answer && typeof answer.status === 'number')
        response.writeHead(answer.status).end('body' in answer ? answer.body : '');
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => {
    if (at.path === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(at.path, resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url =
    at.path === undefined
      ? `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      : `unix://${at.path}`;
  return { url, asked };
}

/** Where nobody listens: a port that was free a moment ago. */
export async function nobody(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

export interface BlockingAgent {
  readonly url: string;
  /** Paths with their queries, as they came. */
  readonly asked: readonly string[];
  /** Changes what is read everywhere, and answers whoever waits for it. */
  set(index: number, state: unknown): void;
  /** From now on, and to whoever waits; 200 is the state. */
  answerWith(status: number): void;
  goAway(): Promise<void>;
  comeBack(): Promise<void>;
}

/** Answers every path with one state, and parks whoever has seen it already, as an agent does. */
export async function blockingAgent(firstIndex: number, firstState: unknown): Promise<BlockingAgent> {
  const asked: string[] = [];
  const parked = new Set<() => void>();
  let [index, state, status] = [firstIndex, firstState, 200];
  let server = createServer();
  const wake = (): void => {
    for (const answer of [...parked]) answer();
    parked.clear();
  };
  const listen = async (port: number): Promise<void> => {
    server = createServer((request, response) => {
      const { url = '' } = request;
      asked.push(url);
      const answer = (): void =>
        void response
          .writeHead(status, { 'x-consul-index': String(index) })
          .end(status === 200 ? JSON.stringify(state) : `status ${status}`);
      const seen = new URLSearchParams(url.split('?')[1]).get('index');
      if (status === 200 && seen === String(index)) parked.add(answer);
      else answer();
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  };
  const goAway = async (): Promise<void> => {
    parked.clear();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await listen(0);
  onTestFinished(async () => {
    if (server.listening) await goAway();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    set: (newIndex, newState) => {
      [index, state] = [newIndex, newState];
      wake();
    },
    answerWith: (newStatus) => {
      status = newStatus;
      wake();
    },
    goAway,
    comeBack: () => listen(port),
  };
}
