/**
 * Changes as server-sent events, as fast as the client reads them: nothing is queued for anybody. Who is slow gets the
 * latest state of what changed meanwhile; who is slower than the log is long gets everything anew, and is told so.
 *
 * Source: WHATWG HTML, "Server-sent events"; S23.
 */
import type { IndexedChange, Topic } from '../../agent/contract/view.ts';
import type { Millis } from '../../base/time.ts';
import type { OnDisconnect } from './blocking.ts';
import type { Site } from './site.ts';

/** What a frame is made of; `id` is what a client comes back with. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: unknown;
  readonly id?: number;
}

/** How changes look, and all there is. */
export interface EventFormatter {
  /** The present state of what changed; `undefined` if this client did not ask for it. */
  formatChange(changed: IndexedChange): ServerSentEvent | undefined;
  /** Everything there is, in the same words. */
  formatSnapshot(): Iterable<ServerSentEvent>;
}

/** Proxies cut connections on which nothing is heard for a minute. */
const HEARTBEAT: Millis = 15_000;
/** Frames in one go: the rest waits until these are taken. */
const BATCH = 64;
const ANYTHING: readonly Topic[] = ['anything'];

/** `from`: the last index the client has seen, if it has seen any. Ends when the client or the server goes. */
export function createEventStream(
  { agent: { view }, blockingQueries: watchers }: Pick<Site, 'agent' | 'blockingQueries'>,
  teller: EventFormatter,
  from: number | undefined,
  gone: OnDisconnect,
): ReadableStream<Uint8Array> {
  const frames = follow();
  let over = false;
  gone(() => {
    over = true;
  });
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { value, done } = await frames.next();
        if (done === true) controller.close();
        else controller.enqueue(ENCODER.encode(value));
      },
      cancel: async () => void (await frames.return()),
    },
    { highWaterMark: 0 },
  );

  async function* follow(): AsyncGenerator<string, void, undefined> {
    yield 'retry: 1000\n\n';
    let seen = from;
    while (!over && !watchers.closed) {
      const now = view.indexOf(ANYTHING);
      const changes = seen === undefined ? undefined : view.changesAfter(seen);
      if (changes === undefined) yield* batchFrames(resync(now));
      else if (changes.length > 0) yield* batchFrames(told(changes, now));
      else {
        const nothingNew = (): boolean => view.indexOf(ANYTHING) === now;
        await watchers.waitWhile(nothingNew, ANYTHING, HEARTBEAT, gone);
        if (nothingNew()) yield ': nothing new\n\n';
      }
      seen = now;
    }
  }

  function* resync(now: number): Iterable<ServerSentEvent> {
    yield { event: 'resync', data: { index: now } };
    yield* teller.formatSnapshot();
    yield { event: 'synced', data: { index: now }, id: now };
  }

  /** Only the last carries the id: a connection that breaks in between tells again what it may have told. */
  function* told(changes: readonly IndexedChange[], now: number): Iterable<ServerSentEvent> {
    let last: ServerSentEvent | undefined;
    for (const change of changes) {
      const event = teller.formatChange(change);
      if (event === undefined) continue;
      if (last !== undefined) yield last;
      last = event;
    }
    if (last !== undefined) yield { ...last, id: now };
  }
}

const ENCODER = new TextEncoder();

function* batchFrames(events: Iterable<ServerSentEvent>): Iterable<string> {
  let frames = '';
  let count = 0;
  for (const event of events) {
    frames += formatFrame(event);
    count += 1;
    if (count % BATCH > 0) continue;
    yield frames;
    frames = '';
  }
  if (frames !== '') yield frames;
}

/** JSON has no line breaks of its own, so one `data` line is enough. */
const formatFrame = ({ event, data, id }: ServerSentEvent): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
