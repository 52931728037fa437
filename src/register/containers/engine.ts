/**
 * A container engine over its socket: the three requests that are made of it, so that a proxy of the socket may refuse all others.
 * What it answers is bounded in size and time.
 *
 * Source: Docker Engine API; Podman answers the same paths. Without a version in the path each takes its own.
 */
import { stat } from 'node:fs/promises';
import { Agent, type IncomingMessage, request as openRequest } from 'node:http';
import { describeError, errorCode } from '../../base/errno.ts';
import {
  type Container,
  type ContainerEvent,
  idInHead,
  type ListedContainer,
  parseEvent,
  parseInspected,
  parseListed,
} from './container.ts';
import { BoundedLines, JsonElements } from './json-elements.ts';

/** As much as an inspection, which has all that a row has. */
const MAX_ROW_BYTES = 512 * 1024;
const MAX_ROWS = 20_000;
const MAX_INSPECTION_BYTES = MAX_ROW_BYTES;
const MAX_EVENT_BYTES = 64 * 1024;
/** An engine under load is slow; one that says nothing for this long is away. */
const STALL_MS = 10_000;
const LIST_MS = 30_000;
/** Inspections at once. */
export const MAX_INSPECTIONS = 8;

export interface EngineList {
  readonly rows: readonly ListedContainer[];
  /** IDs of containers whose rows are too large to be read. */
  readonly oversized: readonly string[];
}

export interface EngineEvents {
  onEvent(event: ContainerEvent): void;
  /** Something was said that cannot be read. */
  onUnreadable(): void;
}

/** The engine has answered, but not what was asked for. */
export class EngineRefusal extends Error {}

export class ContainerEngine {
  readonly #paths: readonly string[];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_INSPECTIONS });
  #path: string;

  /** The first of these sockets that exists is used. */
  constructor(paths: readonly string[]) {
    this.#paths = paths;
    this.#path = paths[0] as string;
  }

  /** Looks again which socket there is. */
  async locate(): Promise<void> {
    for (const path of this.#paths) {
      const found = await stat(path).catch(() => undefined);
      if (found?.isSocket() === true) {
        this.#path = path;
        return;
      }
    }
  }

  /** A row that cannot be read is left out. Rejects with a clause if the engine does not answer, or answers anything but a whole list. */
  async list(signal: AbortSignal): Promise<EngineList> {
    const rows: ListedContainer[] = [];
    const oversized: string[] = [];
    let unreadable = 0;
    const elements = new JsonElements({
      maxElementBytes: MAX_ROW_BYTES,
      onElement: (text) => {
        if (rows.length >= MAX_ROWS) throw new Error(`lists more than ${MAX_ROWS} containers`);
        try {
          rows.push(parseListed(text));
        } catch {
          unreadable++;
        }
      },
      onOversized: (head) => {
        const id = idInHead(head);
        if (id !== undefined && oversized.length < MAX_ROWS) oversized.push(id);
      },
    });
    const deadline = performance.now() + LIST_MS;
    await this.#read('/containers/json', signal, (chunk) => {
      if (performance.now() > deadline) throw new Error(`needs more than ${LIST_MS / 1000} s for its list`);
      elements.push(chunk);
    });
    elements.end();
    if (rows.length === 0 && unreadable > 0) throw new Error('lists containers in a way that cannot be read');
    return { rows, oversized };
  }

  /** `undefined`: the engine does not have it. */
  async inspect(id: string, signal: AbortSignal): Promise<Container | undefined> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      await this.#read(`/containers/${id}/json`, signal, (chunk) => {
        bytes += chunk.length;
        if (bytes > MAX_INSPECTION_BYTES)
          throw new EngineRefusal('the engine describes it in more than 512 kB: take labels away');
        chunks.push(chunk);
      });
    } catch (error) {
      if (error instanceof NotFound) return undefined;
      throw error;
    }
    try {
      return parseInspected(Buffer.concat(chunks).toString(), id);
    } catch {
      throw new EngineRefusal('the engine describes it in a way that cannot be read');
    }
  }

  /** Resolves when the stream ends. `since` is in seconds of the wall clock. */
  async follow(since: number, { onEvent, onUnreadable }: EngineEvents, signal: AbortSignal): Promise<void> {
    const lines = new BoundedLines({
      maxLineBytes: MAX_EVENT_BYTES,
      onLine: (line) => {
        let event: ContainerEvent | undefined;
        try {
          event = parseEvent(line);
        } catch {
          return onUnreadable();
        }
        if (event !== undefined) onEvent(event);
      },
      onOversized: onUnreadable,
    });
    const query = new URLSearchParams({
      since: String(since),
      filters: JSON.stringify({ type: ['container', 'network'] }),
    });
    await this.#read(`/events?${query}`, signal, (chunk) => lines.push(chunk), false);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** An error of `onChunk` ends the request. A stream of events may be silent. */
  #read(path: string, signal: AbortSignal, onChunk: (chunk: Buffer) => void, ends = true): Promise<void> {
    return new Promise((resolve, reject) => {
      const outgoing = openRequest({
        ...{ socketPath: this.#path, path, method: 'GET', headers: { host: 'localhost' }, signal },
        agent: ends ? this.#agent : false,
        ...(ends ? { timeout: STALL_MS } : {}),
      });
      const fail = (error: unknown): void => {
        reject(error instanceof Error ? error : new Error(String(error)));
        outgoing.destroy();
      };
      outgoing.on('timeout', () => fail(new Error(`says nothing for ${STALL_MS / 1000} s`)));
      outgoing.on('error', (error) => fail(this.#describe(error)));
      outgoing.on('response', (response) => {
        const refusal = refusalOf(response, path);
        if (refusal !== undefined) return fail(refusal);
        response.on('data', (chunk: Buffer) => {
          try {
            onChunk(chunk);
          } catch (error) {
            fail(error);
          }
        });
        response.on('error', (error) => fail(this.#describe(error)));
        response.on('end', () => (response.complete ? resolve() : fail(new Error('stopped in the middle'))));
        response.on('close', () => fail(new Error('closed the connection')));
      });
      outgoing.on('close', () => reject(new Error('closed the connection')));
      outgoing.end();
    });
  }

  #describe(error: Error): Error {
    const code = errorCode(error);
    if (code === 'ENOENT')
      return new Error(`there is no socket ${this.#path}: start the engine, or give its socket as unix:PATH`);
    if (code === 'EACCES' || code === 'EPERM')
      return new Error(`the socket ${this.#path} does not let this user in: add the user to its group`);
    return new Error(describeError(error));
  }
}

class NotFound extends Error {}

function refusalOf({ statusCode = 0 }: IncomingMessage, path: string): Error | undefined {
  if (statusCode === 200) return undefined;
  const [shown = ''] = path.split('?');
  if (statusCode === 404 && shown !== '/events' && shown !== '/containers/json') return new NotFound();
  return new EngineRefusal(`answers ${statusCode} to GET ${shown}: allow it in the proxy of the socket`);
}
