/** A stream of the API that is followed for as long as the page lives: it is opened again whenever it ends, from where it ended. */
import { callApi } from './api.ts';

export type StreamState =
  | { readonly kind: 'connecting' | 'live'; readonly since: number }
  | { readonly kind: 'lost'; readonly since: number; readonly reason: string };

export interface Following {
  /** The request to send, at each start anew. */
  request(): { readonly path: string; readonly headers?: Readonly<Record<string, string>> };
  /** Called once at each start, when the agent has answered. */
  onOpen(): void;
  onText(text: string): void;
  onConnection(connection: StreamState): void;
  /** Bytes come at least this often, in milliseconds; a stream that is silent for longer is dead. 0: it may be silent. */
  readonly maxSilence: number;
}

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 4000;

/** Returns a function that ends it. */
export function followStream(following: Following): () => void {
  const end = new AbortController();
  const nudge = new EventTarget();
  const wake = (): void => void nudge.dispatchEvent(new Event('now'));
  window.addEventListener('online', wake, { signal: end.signal });
  document.addEventListener('visibilitychange', wake, { signal: end.signal });
  void run(following, end.signal, nudge);
  return () => end.abort();
}

async function run(following: Following, ended: AbortSignal, nudge: EventTarget): Promise<void> {
  let pause = FIRST_PAUSE;
  let lostSince: number | undefined;
  following.onConnection({ kind: 'connecting', since: Date.now() });
  while (!ended.aborted) {
    let reason = 'the agent closed the connection';
    try {
      await readOnce(following, ended, () => {
        pause = FIRST_PAUSE;
        lostSince = undefined;
        following.onConnection({ kind: 'live', since: Date.now() });
      });
    } catch (error) {
      reason = error instanceof TypeError ? 'the agent does not answer' : String((error as Error).message);
    }
    if (ended.aborted) return;
    lostSince ??= Date.now();
    following.onConnection({ kind: 'lost', since: lostSince, reason });
    await waitFor(pause, ended, nudge);
    pause = Math.min(LONGEST_PAUSE, pause * 2);
  }
}

async function readOnce(following: Following, ended: AbortSignal, onLive: () => void): Promise<void> {
  const stop = new AbortController();
  let timer = 0;
  const restart = (): void => {
    window.clearTimeout(timer);
    if (following.maxSilence > 0)
      timer = window.setTimeout(
        () => stop.abort(new Error('the agent has gone silent')),
        following.maxSilence,
      );
  };
  restart();
  try {
    const { path, headers } = following.request();
    const signal = AbortSignal.any([ended, stop.signal]);
    const response = await callApi(path, { signal, ...(headers === undefined ? {} : { headers }) });
    following.onOpen();
    onLive();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      restart();
      following.onText(decoder.decode(value, { stream: true }));
    }
  } finally {
    window.clearTimeout(timer);
  }
}

/** Ends early when the browser is online again, or the page is looked at again. */
function waitFor(millis: number, ended: AbortSignal, nudge: EventTarget): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, millis);
    const early = (): void => {
      window.clearTimeout(timer);
      resolve();
    };
    nudge.addEventListener('now', early, { once: true });
    ended.addEventListener('abort', early, { once: true });
  });
}
