/**
 * Changes as server-sent events, as fast as the client reads them. Nothing is queued: a slow client gets the latest
 * state of whatever changed meanwhile, and one that is slower than the change log is long gets everything anew, after
 * `resync`.
 *
 * Source: WHATWG HTML, "Server-sent events"; S23 (docs/security.md).
 */
import type { IndexedChange, Topic } from '../../../agent/contract/view.ts';
import type { Millis } from '../../../base/time.ts';
import type { OnDisconnect, StreamProgress } from '../blocking.ts';
import type { Site } from '../site.ts';
import { createTextStream } from './text-stream.ts';

/** One event; a client that reconnects sends the last `id` it has seen. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: unknown;
  readonly id?: number;
}

export interface EventFormatter {
  /** The present state of what changed after index `seen`, as far as this client wants it. */
  formatChanges(changes: readonly IndexedChange[], seen: number): Iterable<ServerSentEvent>;
  /** The present state of everything, in the same form. */
  formatSnapshot(): Iterable<ServerSentEvent>;
  /** What begins and ends a snapshot of this index. */
  formatMark(index: number): unknown;
}

/** Proxies close connections that are silent for a minute. */
const HEARTBEAT: Millis = 15_000;
/** Events in one chunk; the next is made when the client has taken it. */
const BATCH = 64;
const ANYTHING: readonly Topic[] = ['anything'];

/** `from` is the last index the client has seen, if any. The stream ends when the client or the server goes. Throws 429 if there is no room. */
export function createEventStream(
  { agent: { view }, blockingQueries }: Pick<Site, 'agent' | 'blockingQueries'>,
  formatter: EventFormatter,
  from: number | undefined,
  onDisconnect: OnDisconnect,
): ReadableStream<Uint8Array> {
  blockingQueries.requireRoom();
  let disconnected = false;
  const progress: StreamProgress = { seen: from };
  const endTracking = blockingQueries.trackStream(progress);
  onDisconnect(() => {
    disconnected = true;
    endTracking();
  });
  return createTextStream(follow(), endTracking);

  async function* follow(): AsyncGenerator<string, void, undefined> {
    yield 'retry: 1000\n\n';
    yield* waitUntilReady();
    let isResuming = from !== undefined;
    while (!disconnected && !blockingQueries.closed) {
      const index = view.indexOf(ANYTHING);
      const { seen } = progress;
      const changes = seen === undefined ? undefined : view.changesAfter(seen);
      if (seen === undefined || changes === undefined) yield* batchEvents(resync(index));
      else if (isResuming) yield* batchEvents(resume(changes, seen, index));
      else if (changes.length > 0) yield* batchEvents(formatChanges(changes, seen, index));
      else {
        const unchanged = (): boolean => view.indexOf(ANYTHING) === index;
        await blockingQueries.waitInStream(unchanged, ANYTHING, HEARTBEAT, onDisconnect);
        if (unchanged()) yield ': nothing new\n\n';
      }
      progress.seen = index;
      isResuming = false;
    }
  }

  /** A snapshot without what other members know would tell that it is gone. */
  async function* waitUntilReady(): AsyncGenerator<string, void, undefined> {
    const notReady = (): boolean => !view.readiness().ready;
    while (notReady() && !disconnected && !blockingQueries.closed) {
      yield ': waiting for the catalog of another member\n\n';
      await blockingQueries.waitInStream(notReady, ['readiness'], HEARTBEAT, onDisconnect);
    }
  }

  /** A client that comes back learns when it has missed nothing any more. */
  function* resume(
    changes: readonly IndexedChange[],
    seen: number,
    index: number,
  ): Iterable<ServerSentEvent> {
    yield* formatter.formatChanges(changes, seen);
    yield { event: 'synced', data: formatter.formatMark(index), id: index };
  }

  function* resync(index: number): Iterable<ServerSentEvent> {
    yield { event: 'resync', data: formatter.formatMark(index) };
    yield* formatter.formatSnapshot();
    yield { event: 'synced', data: formatter.formatMark(index), id: index };
  }

  /** Only the last event has the id: after a connection that breaks before it, all of them are sent again. */
  function* formatChanges(
    changes: readonly IndexedChange[],
    seen: number,
    index: number,
  ): Iterable<ServerSentEvent> {
    let last: ServerSentEvent | undefined;
    for (const event of formatter.formatChanges(changes, seen)) {
      if (last !== undefined) yield last;
      last = event;
    }
    if (last !== undefined) yield { ...last, id: index };
  }
}

function* batchEvents(events: Iterable<ServerSentEvent>): Iterable<string> {
  let chunk = '';
  let count = 0;
  for (const event of events) {
    chunk += formatEvent(event);
    count += 1;
    if (count % BATCH > 0) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

/** JSON text has no line breaks, so one `data` line is enough. */
const formatEvent = ({ event, data, id }: ServerSentEvent): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
