/**
 * A dispatcher for `fetch` and undici: the host of a URL is the name of a service. It chooses the instance, and undici, which
 * this file does not import, makes the connection: any dispatcher does, also one of another version. A request that did not
 * reach its instance goes to another one.
 */
import type { DiscoveredService } from './discovered-service.ts';
import type { DiscoveredInstance } from './instance.ts';
import { isConnectError, isSafeToRepeat, type ServiceLookup, waitForService } from './retry.ts';

/** What is used of undici's dispatchers, and what undici uses of this one. */
export interface ServiceDispatcher {
  dispatch(options: DispatchRequest, handler: DispatchEvents): boolean;
}

export interface DispatchRequest {
  readonly origin?: string | URL | undefined;
  readonly path: string;
  readonly method: string;
  readonly body?: unknown;
  readonly [option: string]: unknown;
}

/** Handlers of undici 6 and before, or of undici 7 and later. */
export type DispatchEvents = Readonly<Record<string, unknown>>;

export interface DispatcherOptions {
  /** Makes the connections; by default undici's global dispatcher. */
  readonly dispatcher?: ServiceDispatcher;
  /** The key that a request belongs to, if any. */
  readonly key?: (request: DispatchRequest) => string | undefined;
}

/** Other instances that one request may go to. */
const MAX_RETRIES = 2;
const GLOBALS = [Symbol.for('undici.globalDispatcher.1'), Symbol.for('undici.globalDispatcher.2')] as const;

export function createDispatcher(
  services: ServiceLookup,
  options: DispatcherOptions = {},
): ServiceDispatcher {
  return {
    dispatch: (request, handler) => {
      const { hostname } = new URL(String(request.origin));
      return new Attempt(services.shared(hostname), request, handler, options).begin();
    },
  };
}

type Listener = (...args: readonly unknown[]) => unknown;

class Attempt {
  readonly #service: DiscoveredService;
  readonly #request: DispatchRequest;
  readonly #handler: DispatchEvents;
  readonly #base: ServiceDispatcher;
  readonly #key: string | undefined;
  readonly #body: ReplayableBody;
  #instance: DiscoveredInstance | undefined;
  #retries = 0;
  #hasStarted = false;
  #hasAnswer = false;

  constructor(
    service: DiscoveredService,
    request: DispatchRequest,
    handler: DispatchEvents,
    options: DispatcherOptions,
  ) {
    this.#service = service;
    this.#request = request;
    this.#handler = handler;
    this.#key = options.key?.(request);
    this.#base = options.dispatcher ?? globalDispatcher(handler);
    this.#body = new ReplayableBody(request.body);
  }

  begin(): boolean {
    if (this.#service.isReady) return this.#send();
    waitForService(this.#service).then(
      () => this.#send(),
      (error: Error) => this.#fail(error),
    );
    return true;
  }

  #send(except?: DiscoveredInstance): boolean {
    try {
      const instance = this.#service.pick({
        ...(this.#key === undefined ? {} : { key: this.#key }),
        ...(except === undefined ? {} : { except }),
      });
      this.#instance = instance;
      instance.start();
      return this.#base.dispatch(
        { ...this.#request, origin: toOrigin(instance), body: this.#body.next() },
        this.#events(),
      );
    } catch (error) {
      this.#fail(error as Error);
      return true;
    }
  }

  /** The handler of the caller, with an ear for how the request ends. */
  #events(): DispatchEvents {
    const isNew = typeof this.#handler['onRequestStart'] === 'function';
    const events: Record<string, Listener> = {};
    for (const name of isNew ? NEW_EVENTS : OLD_EVENTS) {
      const listener = this.#handler[name];
      if (typeof listener === 'function') events[name] = (...args) => listener.apply(this.#handler, args);
    }
    const watch = (name: string, seen: (...args: readonly unknown[]) => boolean): void => {
      const listener = events[name];
      events[name] = (...args) => (seen(...args) ? listener?.(...args) : undefined);
    };
    // undici tells a second start of the same request to the same handler; both kinds of `fetch` allow for it.
    watch(isNew ? 'onResponseStart' : 'onHeaders', () => {
      this.#hasAnswer = true;
      return true;
    });
    watch(isNew ? 'onRequestStart' : 'onConnect', () => {
      this.#hasStarted = true;
      return true;
    });
    watch(isNew ? 'onResponseEnd' : 'onComplete', () => this.#end(false));
    watch(isNew ? 'onRequestUpgrade' : 'onUpgrade', () => this.#end(false));
    if (isNew) watch('onResponseError', (_, error) => this.#isFinal(error as NodeJS.ErrnoException));
    else watch('onError', (error) => this.#isFinal(error as NodeJS.ErrnoException));
    return events;
  }

  #end(failed: boolean): boolean {
    this.#instance?.finish(failed);
    this.#instance = undefined;
    return true;
  }

  /** Whether the caller is told of the error, for the request does not go to another instance. */
  #isFinal(error: NodeJS.ErrnoException): boolean {
    const failed = this.#instance;
    // An abort of the caller is no failure of the instance.
    this.#end(error.name !== 'AbortError' && error.code !== 'UND_ERR_ABORTED');
    const isUnsent = isConnectError(error) || !this.#hasStarted;
    const mayRepeat =
      !this.#hasAnswer &&
      this.#retries < MAX_RETRIES &&
      (isUnsent
        ? this.#body.isUntouched
        : isSafeToRepeat(this.#request.method, error) && this.#body.isReplayable);
    if (!mayRepeat || failed === undefined) return true;
    this.#retries += 1;
    this.#send(failed);
    return false;
  }

  #fail(error: Error): void {
    const { onResponseError, onError } = this.#handler;
    if (typeof onResponseError === 'function') onResponseError.call(this.#handler, null, error);
    else if (typeof onError === 'function') onError.call(this.#handler, error);
  }
}

const OLD_EVENTS = [
  ...['onConnect', 'onUpgrade', 'onResponseStarted', 'onHeaders', 'onData', 'onComplete', 'onError'],
  ...['onBodySent', 'onRequestSent'],
];
const NEW_EVENTS = [
  ...['onRequestStart', 'onRequestUpgrade', 'onResponseStart', 'onResponseData', 'onResponseEnd'],
  ...['onResponseError', 'onBodySent', 'onRequestSent'],
];

/** A body that is sent again if nobody has read from it, or if it is in memory. */
class ReplayableBody {
  readonly #body: unknown;
  #isTouched = false;

  constructor(body: unknown) {
    this.#body = body;
  }

  get isReplayable(): boolean {
    return this.#body == null || typeof this.#body === 'string' || ArrayBuffer.isView(this.#body);
  }

  get isUntouched(): boolean {
    return this.isReplayable || (isAsyncIterable(this.#body) && !this.#isTouched);
  }

  next(): unknown {
    if (this.isReplayable || !isAsyncIterable(this.#body)) return this.#body;
    const body = this.#body;
    return {
      [Symbol.asyncIterator]: () => {
        this.#isTouched = true;
        return body[Symbol.asyncIterator]();
      },
    };
  }
}

/** Not a stream, which undici destroys when it fails. */
const isAsyncIterable = (body: unknown): body is AsyncIterable<unknown> =>
  typeof body === 'object' && body !== null && Symbol.asyncIterator in body && !('pipe' in body);

function globalDispatcher(handler: DispatchEvents): ServiceDispatcher {
  const [old, latest] = GLOBALS.map((name) => (globalThis as Record<symbol, unknown>)[name]);
  const found = typeof handler['onRequestStart'] === 'function' ? (latest ?? old) : (old ?? latest);
  if (found === undefined) throw new Error('undici is not loaded: give the dispatcher that connects');
  return found as ServiceDispatcher;
}

const toOrigin = ({ address, port }: DiscoveredInstance): string =>
  `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
