/**
 * Follows the services that this process has asked for, over one stream of server-sent events. When the agent is away the
 * lists stay as they are; when it is back the stream goes on from the last event, or begins again.
 */
import type { IncomingMessage } from 'node:http';
import { type AgentConnection, type BackoffLimits, ReconnectBackoff, readLines } from './connection.ts';
import type { StreamedInstance } from './instance.ts';

/** Where the agent is, and how far its zone is preferred (docs/http.md); agents before 0.3 do not tell the latter. */
export interface ZoneMark {
  readonly zone: string | null;
  readonly zoneSpill?: number | null;
  readonly zoneHold?: number;
}

export interface StreamListener {
  /** Names in lower case. */
  wanted(): readonly string[];
  onService(name: string, rows: readonly StreamedInstance[]): void;
  /** Resolves when rows can be taken over. */
  onZone(mark: ZoneMark): Promise<void>;
  /** `false`: the agent is away, and why, in brackets. */
  onCurrent(current: boolean, reason?: string): void;
}

/** The agent sends a comment each 15 s. */
const SILENCE = 40_000;
/** What fits into a request line; clients of more services follow all of them. */
const MAX_NAMES = 100;
/** What a service can be called. The agent is not asked for others: one that is too long would cost all the answer. */
const NAME = /^[a-z0-9._-]{1,128}$/;
/** Whether the fields mean what they meant when this was written. */
const ROWS_VERSION = 1;

export class ServiceStream {
  readonly #connection: AgentConnection;
  readonly #listener: StreamListener;
  readonly #backoff: ReconnectBackoff;
  readonly #closing = new AbortController();
  #names = new Set<string>();
  #lastEventId: string | undefined;
  /** Between `resync` and `synced`: the services that the snapshot has not named yet. */
  #untold: Set<string> | undefined;
  #request: AbortController | undefined;
  #running = false;
  #isAway = false;

  constructor(connection: AgentConnection, listener: StreamListener, backoff: BackoffLimits) {
    this.#connection = connection;
    this.#listener = listener;
    this.#backoff = new ReconnectBackoff(backoff);
  }

  /** A service was added. All that are added in one turn begin with one request. */
  follow(name: string): void {
    if (this.#names.has(name) || this.#closing.signal.aborted) return;
    this.#names.add(name);
    queueMicrotask(() => this.#restart());
  }

  close(): void {
    this.#closing.abort();
    this.#request?.abort();
  }

  #restart(): void {
    this.#lastEventId = undefined; // it does not have the new name
    if (this.#running) this.#request?.abort();
    else void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const request = new AbortController();
      this.#request = request;
      const reason = await this.#read(request.signal).then(
        () => 'it ended the stream',
        (error: Error) => error.message,
      );
      if (signal.aborted) break;
      if (request.signal.aborted) continue; // for another list of names
      const why = ` (${reason})`;
      this.#listener.onCurrent(false, why);
      if (!this.#isAway)
        this.#connection.logger?.warn(
          `hearsay: the agent at ${this.#connection.address} is away${why}: going on with what is known`,
        );
      this.#isAway = true;
      await this.#backoff.wait(signal);
    }
    this.#running = false;
    this.#listener.onCurrent(false);
  }

  async #read(signal: AbortSignal): Promise<void> {
    this.#names = new Set(this.#listener.wanted());
    const names = [...this.#names].filter((name) => NAME.test(name));
    const query = names.map((name) => `&service=${encodeURIComponent(name)}`).join('');
    const response = await this.#connection.send({
      method: 'GET',
      path: `/v1/hearsay/events?type=service${names.length > MAX_NAMES ? '' : query}`,
      headers: this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId },
      signal,
      silence: SILENCE,
    });
    await this.#readEvents(response, signal);
  }

  /** Source: WHATWG HTML, "Interpreting an event stream"; the agent sends one `data` line each. */
  async #readEvents(response: IncomingMessage, signal: AbortSignal): Promise<void> {
    let event = '';
    let id: string | undefined;
    let data = '';
    for await (const line of readLines(response)) {
      if (signal.aborted) return; // what is read already is for another list of names
      if (line.startsWith('event: ')) event = line.slice(7);
      else if (line.startsWith('id: ')) id = line.slice(4);
      else if (line.startsWith('data: ')) data = line.slice(6);
      else if (line === '') {
        if (data !== '') await this.#take(event, JSON.parse(data), signal);
        if (id !== undefined) this.#lastEventId = id;
        event = data = '';
        id = undefined;
      }
    }
  }

  async #take(event: string, data: StreamData, signal: AbortSignal): Promise<void> {
    if (event === 'service') {
      this.#untold?.delete(data.service ?? '');
      this.#listener.onCurrent(true);
      return this.#listener.onService(data.service ?? '', data.instances ?? []);
    }
    if (event !== 'resync' && event !== 'synced' && event !== 'agent') return;
    if ((data.version ?? ROWS_VERSION) > ROWS_VERSION)
      throw new Error(`it sends rows of version ${data.version}: this library is too old for it`);
    await this.#listener.onZone(data);
    if (signal.aborted) return; // meanwhile, for another list of names
    if (event === 'resync') this.#untold = new Set(this.#names);
    if (event !== 'synced') return;
    // Where all services are followed, nothing is said about those that do not exist.
    for (const name of this.#untold ?? []) this.#listener.onService(name, []);
    this.#untold = undefined;
    if (this.#isAway) this.#connection.logger?.info('hearsay: the agent is back');
    this.#isAway = false;
    this.#backoff.reset();
    this.#listener.onCurrent(true);
  }
}

interface StreamData extends ZoneMark {
  readonly service?: string;
  readonly instances?: readonly StreamedInstance[];
  readonly version?: number;
}
