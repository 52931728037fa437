/** A fake process for commands to run in, and a fake agent for them to talk to. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { runCli } from '../../../src/cli/index.ts';
import type { Io, Signal, StartedAgent } from '../../../src/cli/io.ts';
import { startBlockingServer } from './blocking-server.ts';

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface FakeProcess {
  readonly io: Io;
  readonly out: () => string;
  readonly err: () => string;
  /** Delivers a signal, as a terminal does at Ctrl-C. */
  send(signal: Signal): void;
  /** Number of handlers of `signal`. */
  listeners(signal: Signal): number;
  readonly forcedExits: number[];
  /** Presses keys, one after the other. */
  press(keys: string): void;
  /** Whether keys are read. */
  readsKeys(): boolean;
}

export interface FakeProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  /** Content of stdin. */
  readonly input?: string;
  start?(...options: Parameters<Io['startAgent']>): Promise<StartedAgent>;
}

export function createFakeProcess({
  env = {},
  terminal = false,
  input = '',
  start,
}: FakeProcessOptions = {}): FakeProcess {
  const out: string[] = [];
  const err: string[] = [];
  const forcedExits: number[] = [];
  let onKey: ((key: string) => void) | undefined;
  const handlers = new Map<Signal, Set<() => void>>();
  return {
    io: {
      out: { write: (text) => void out.push(text), isTerminal: terminal },
      err: { write: (text) => void err.push(text), isTerminal: terminal },
      readStdin: async () => input,
      readKeys: (handler) => {
        if (!terminal) return undefined;
        onKey = handler;
        return () => {
          onKey = undefined;
        };
      },
      env,
      eraseFromEnvironment: () => [],
      hostname: 'host-a',
      onSignal: (signal, handler) => {
        const set = handlers.get(signal) ?? new Set();
        handlers.set(signal, set.add(handler));
        return () => set.delete(handler);
      },
      startAgent: start ?? (async () => Promise.reject(new Error('nothing is started here'))),
      forceExit: (code) => void forcedExits.push(code),
    },
    out: () => out.join(''),
    err: () => err.join(''),
    send: (signal) => {
      for (const handler of handlers.get(signal) ?? []) handler();
    },
    listeners: (signal) => handlers.get(signal)?.size ?? 0,
    forcedExits,
    press: (keys) => {
      for (const key of keys) onKey?.(key);
    },
    readsKeys: () => onKey !== undefined,
  };
}

/** Runs `hearsay` with these arguments to its end. */
export async function hearsay(
  words: readonly string[],
  options: FakeProcessOptions = {},
): Promise<CommandResult> {
  const { io, out, err } = createFakeProcess(options);
  const code = await runCli(words, io);
  return { code, out: out(), err: err() };
}

export interface ReceivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

const bodyOf = (headers: IncomingMessage['headers'], body: string): unknown => {
  if (body === '') return undefined;
  return headers['content-type'] === 'application/json' ? JSON.parse(body) : body;
};

/** Answers each request with the entry of its method and path, and records the requests. */
export async function startFakeAgent(
  answers: Readonly<Record<string, { readonly status?: number; readonly body?: string } | object>>,
  at: { readonly path?: string } = {},
): Promise<{ readonly url: string; readonly requests: readonly ReceivedRequest[] }> {
  const requests: ReceivedRequest[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      requests.push({ method, url, headers, body: bodyOf(headers, body) });
      const answer = answers[`${method} ${url.split('?')[0]}`];
      if (answer === undefined) response.writeHead(404).end('no such route');
      else if ('status' in answer && typeof answer.status === 'number')
        response
          .writeHead(answer.status, { 'content-type': isHtml(answer) ? 'text/html' : 'text/plain' })
          .end('body' in answer ? answer.body : '');
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
  return { url, requests };
}

/** A body of another kind of server. */
const isHtml = (answer: object): boolean => 'body' in answer && String(answer.body).startsWith('<');

/** A URL where nothing listens: its port was free a moment ago. */
export async function unusedUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

export interface BlockingAgent {
  readonly url: string;
  /** Paths with their query strings, in order of arrival. */
  readonly requests: readonly string[];
  /** Changes the state, and answers parked requests. */
  set(index: number, state: unknown): void;
  /** The status of parked and later responses; 200 carries the state. */
  answerWith(status: number): void;
  close(): Promise<void>;
  reopen(): Promise<void>;
}

/** Answers every path with one state, and parks blocking queries that have seen it, as an agent does. */
export async function startBlockingAgent(firstIndex: number, firstState: unknown): Promise<BlockingAgent> {
  const requests: string[] = [];
  let [index, state, status] = [firstIndex, firstState, 200];
  const { wake, ...server } = await startBlockingServer('127.0.0.1', ({ url = '' }, response, park) => {
    requests.push(url);
    const answer = (): void =>
      void response
        .writeHead(status, { 'x-consul-index': String(index) })
        .end(status === 200 ? JSON.stringify(state) : `status ${status}`);
    const seen = new URLSearchParams(url.split('?')[1]).get('index');
    if (status === 200 && seen === String(index)) park(answer);
    else answer();
  });
  return {
    ...server,
    requests,
    set: (newIndex, newState) => {
      [index, state] = [newIndex, newState];
      wake();
    },
    answerWith: (newStatus) => {
      status = newStatus;
      wake();
    },
  };
}
