/** Requests to this agent's API. The token is kept in memory: it is gone when the page is. */

let token = '';
const askers = new Set<() => void>();

/** A refusal of the agent, with its sentence. */
export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, sentence: string) {
    super(sentence);
    this.name = 'ApiError';
    this.status = status;
  }
}

/** Every request from now on carries it. */
export function useToken(value: string): void {
  token = value.trim();
}

/** Calls `ask` whenever reading needs a token, or another one; returns a function that ends that. */
export function onTokenNeeded(ask: () => void): () => void {
  askers.add(ask);
  return () => void askers.delete(ask);
}

/** One request. Throws `ApiError`, or `TypeError` if there is no connection. */
export async function callApi(path: string, init: RequestInit = {}): Promise<Response> {
  const isWrite = (init.method ?? 'GET') !== 'GET';
  const sentToken = token;
  const headers = {
    ...(sentToken === '' ? {} : { 'X-Consul-Token': sentToken }),
    // A form of another site cannot send this header.
    ...(isWrite ? { 'X-Agent-Request': '1', 'Content-Type': 'application/json' } : {}),
    ...(init.headers as Record<string, string> | undefined),
  };
  const response = await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'omit' });
  if (response.ok) return response;
  const sentence = (await response.text()).slice(0, 1000) || `The agent answered ${response.status}`;
  // A refusal of the former token that comes late is no reason to ask for another one.
  if (response.status === 403 && !isWrite && sentToken === token) for (const ask of askers) ask();
  throw new ApiError(response.status, sentence);
}

export async function getApi<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await callApi(path, signal === undefined ? {} : { signal });
  return (await response.json()) as T;
}

/** A write; resolves to its JSON, or `undefined` if the answer is empty. */
export async function putApi<T>(path: string, body?: unknown): Promise<T | undefined> {
  const response = await callApi(path, {
    method: 'PUT',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return text === '' ? undefined : (JSON.parse(text) as T);
}

/** A name as one segment of a path. */
export const segment = (name: string): string => encodeURIComponent(name);
