/** Waits for operations that take the agent some seconds, by blocking queries for their progress. */
import * as v from 'valibot';
import type { CliContext } from '../command.ts';
import type { Client } from './client.ts';
import { parseResponse } from './schemas.ts';

/** How long one blocking query may take: below the client's silence timeout. */
const WAIT = '20s';

interface PollState {
  readonly finished: boolean;
}

/**
 * Calls `show` with `first` and with each later state at `path` until one is finished, and resolves to that one.
 * Resolves to `undefined` when interrupted.
 */
export async function pollUntilFinished<T extends PollState>(
  { io }: CliContext,
  client: Client,
  path: string,
  first: T,
  read: (body: unknown) => T,
  show: (state: T) => void,
): Promise<T | undefined> {
  const stop = new AbortController();
  const handlers = (['SIGINT', 'SIGTERM'] as const).map((name) => io.onSignal(name, () => stop.abort()));
  let state = first;
  let index = 0;
  try {
    show(state);
    while (!state.finished) {
      const block = index === 0 ? '' : `?index=${index}&wait=${WAIT}`;
      const response = await client.getWithIndex(`${path}${block}`, stop.signal);
      state = read(response.body);
      index = response.index;
      show(state);
    }
    return state;
  } catch (error) {
    if (stop.signal.aborted) return undefined;
    throw error;
  } finally {
    for (const off of handlers) off();
  }
}

const QueryStateSchema = v.looseObject({
  id: v.number(),
  name: v.string(),
  timeoutMs: v.number(),
  finished: v.boolean(),
  expected: v.number(),
  acks: v.array(v.string()),
  responses: v.array(v.looseObject({ from: v.string(), payload: v.string(), base64: v.string() })),
});
export type QueryState = v.InferOutput<typeof QueryStateSchema>;

export interface QueryInput {
  readonly name: string;
  readonly payload: string;
  /** Query string without the question mark; may be empty. */
  readonly parameters: string;
}

/**
 * Sends a Serf query and calls `show` with each of its states, until it ends or `isEnough` holds. Resolves to `undefined` when
 * interrupted.
 */
export async function sendQuery(
  cli: CliContext,
  client: Client,
  { name, payload, parameters }: QueryInput,
  show: (state: QueryState) => void,
  isEnough: (state: QueryState) => boolean = () => false,
): Promise<QueryState | undefined> {
  const path = `/v1/hearsay/query/${encodeURIComponent(name)}${parameters === '' ? '' : `?${parameters}`}`;
  const read = (body: unknown): QueryState => {
    const state = parseResponse(QueryStateSchema, body, client);
    return { ...state, finished: state.finished || isEnough(state) };
  };
  const first = read(await client.put(path, new TextEncoder().encode(payload)));
  return pollUntilFinished(cli, client, `/v1/hearsay/answers/${first.id}`, first, read, show);
}
