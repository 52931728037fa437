/**
 * Holds a lease at an agent for as long as it is asked to: opens the request, and opens it again with the same lease whenever
 * it breaks, as when the agent restarts. An agent that is away is waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** The requests that a lease needs. They reject with an error whose message is a sentence for users. */
export interface LeaseClient {
  /** `PUT` with an answer of lines; resolves when it ends in order, rejects when it breaks or is refused. */
  hold(path: string, body: unknown, signal: AbortSignal, onLine: (line: string) => void): Promise<void>;
  delete(path: string, signal: AbortSignal): Promise<unknown>;
}

export interface LeaseHolderOptions {
  readonly client: LeaseClient;
  readonly lease: string;
  /** Services in the shape of Consul's API. */
  readonly services: readonly unknown[];
  /** A duration, such as `10s`. */
  readonly grace: string;
  /** `hold` rejects with the error of the first request if it fails, in place of waiting for an agent. */
  readonly mustAnswer?: boolean;
  /** It is held, for the first time or again. */
  onHeld(services: readonly string[]): void;
  /** It is not held; it is tried again unless `ended`. Called once until it is held again. */
  onLost(reason: string, ended: boolean): void;
}

/** Milliseconds. An agent that restarts gives a lease its grace, which is 10 s unless somebody wants less. */
const MIN_BACKOFF = 100;
const MAX_BACKOFF = 2000;
/** An agent that hangs does not keep a program from ending. */
const RELEASE_TIMEOUT = 2000;

interface Attempt {
  readonly wasHeld: boolean;
  /** Why it is over. */
  readonly error: Error;
  /** The agent has said that it must not be opened again, and why. */
  readonly ended: string | undefined;
}

export class LeaseHolder {
  readonly #options: LeaseHolderOptions;
  readonly #stop = new AbortController();
  #isOpen = false;
  #wasHeld = false;
  #isReported = false;
  #isReleased = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaseHolderOptions) {
    this.#options = options;
  }

  /** The agent has the lease, or is about to: its answer may still be under way. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Resolves when it is released, or has ended at the agent. Does not wait for an agent with `mustAnswer`. */
  hold(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  /** Ends the lease: at once without a reason; with one the agent shows it for the grace. Never rejects. */
  async release(reason: string): Promise<void> {
    this.#isReleased = true;
    const { client, lease } = this.#options;
    const query = reason === '' ? '' : `?reason=${encodeURIComponent(reason)}`;
    // Before the connection closes, or the reason would be that it did.
    // Given up after a while, since a request that is under way keeps the process from ending.
    if (this.#isOpen)
      await client
        .delete(`/v1/hearsay/lease/${lease}${query}`, AbortSignal.timeout(RELEASE_TIMEOUT))
        .catch(() => undefined);
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      const outcome = await this.#attempt();
      if (this.#isReleased) return;
      if (outcome.wasHeld) this.#wasHeld = true;
      else if (this.#options.mustAnswer === true && !this.#wasHeld) throw outcome.error;
      failures = outcome.wasHeld ? 0 : failures + 1;
      if (outcome.ended !== undefined) return this.#report(outcome.ended, true);
      this.#report(outcome.error.message, false);
      const backoff = Math.min(MAX_BACKOFF, MIN_BACKOFF * 2 ** failures);
      await sleep(backoff * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }

  /** One request, until it ends. */
  async #attempt(): Promise<Attempt> {
    const { client, lease, services, grace } = this.#options;
    const path = `/v1/hearsay/lease?lease=${lease}&grace=${grace}`;
    let wasHeld = false;
    let ended: string | undefined;
    const onLine = (line: string): void => {
      const word = parseLine(line);
      if (word?.services !== undefined) {
        wasHeld = true;
        this.#isReported = false;
        this.#options.onHeld(word.services);
      }
      ended ??= word?.ended;
    };
    this.#isOpen = true;
    const error = await client.hold(path, services, this.#stop.signal, onLine).then(
      () => new Error('the agent has stopped'),
      (cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause))),
    );
    this.#isOpen = false;
    return { wasHeld, error, ended };
  }

  #report(reason: string, ended: boolean): void {
    if (this.#isReported && !ended) return;
    this.#isReported = true;
    this.#options.onLost(reason, ended);
  }
}

/** What a line of the answer says; `undefined`: nothing. */
function parseLine(line: string): { services?: readonly string[]; ended?: string } | undefined {
  if (line.trim() === '') return undefined;
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null) return undefined;
    if ('ended' in value && typeof value.ended === 'string') return { ended: value.ended };
    return 'services' in value && Array.isArray(value.services)
      ? { services: value.services.map(String) }
      : undefined;
  } catch {
    return undefined;
  }
}
