/**
 * Runs a program as a service: starts it, leases its services when it listens, forwards signals, drains before it is told to
 * stop, and ends with its exit code. The agent may be away at any time; the program does not notice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Millis } from '../../base/time.ts';
import { Child, type Exit } from './child.ts';
import { type LeaseClient, LeaseHolder } from './lease-holder.ts';
import { countConnections, isListening } from './ports.ts';

export interface SupervisorClient extends LeaseClient {
  put(path: string, body: undefined, signal: AbortSignal): Promise<unknown>;
}

/** One service of the program, in the shape of Consul's API as far as this file needs it. */
export interface ExecService {
  readonly ID: string;
  /** 0: it has none, and is ready as soon as it runs. */
  readonly Port: number;
  readonly Address: string;
}

export interface SupervisorOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly services: readonly ExecService[];
  readonly lease: string;
  readonly grace: string;
  /** 0: it may take any time to listen. */
  readonly readyTimeout: Millis;
  readonly drainTimeout: Millis;
  readonly client: SupervisorClient;
  notice(sentence: string): void;
  /** Calls `handler` at each signal until the function it returns is called. */
  onSignal(signal: ForwardedSignal, handler: () => void): () => void;
  /** The terminal sends SIGINT to the program, too. */
  readonly hasTerminal: boolean;
}

export type ForwardedSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';

const POLL: Millis = 100;
/** Clients that have just been told an address have dialed it by then. */
const SETTLE: Millis = 250;
/** The same where the agent cannot say what the others know: gossip has told nearly all of them. */
const MIN_DRAIN: Millis = 1000;
/** The agent answers a drain within this, below the patience of the client. */
const MAX_WAIT: Millis = 45_000;
/** The least that it waits. */
const MIN_WAIT: Millis = 10;
/** For an answer that is under way when the time is over. */
const ANSWER_WITHIN: Millis = 500;
const EXIT_FAILED = 1;

/** Resolves to the exit code. */
export async function superviseProgram(options: SupervisorOptions): Promise<number> {
  for (const { ID, Address, Port } of options.services)
    if (Port > 0 && (await isListening(Address, Port))) {
      // It would be registered as the program's own.
      options.notice(
        `another process listens on port ${Port} already, so nothing was started: stop it, give ${ID} another port, or name its own address with --address`,
      );
      return EXIT_FAILED;
    }
  return await new Supervisor(options).run();
}

class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #child: Child;
  readonly #holder: LeaseHolder;
  /** Aborted when nothing has to be waited for any more: the program has ended, or a signal came a second time. */
  readonly #hurry = new AbortController();
  #isStopping = false;
  #isForwarded = false;
  #hasEnded = false;
  #isLate = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#child = new Child(options.argv, options.env);
    const names = options.services.map(({ ID }) => ID).join(', ');
    this.#holder = new LeaseHolder({
      ...{ client: options.client, lease: options.lease, grace: options.grace, services: options.services },
      onHeld: () => options.notice(`${names} is registered`),
      onLost: (reason, ended) =>
        options.notice(
          ended
            ? `${names} is not registered any more, and the program runs on: ${reason}`
            : `${names} is not registered, and will be when the agent is back: ${reason}`,
        ),
    });
  }

  async run(): Promise<number> {
    const { onSignal } = this.#options;
    const off = [
      ...(['SIGTERM', 'SIGINT'] as const).map((name) => onSignal(name, () => this.#onStopSignal(name))),
      ...(['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const).map((name) =>
        onSignal(name, () => this.#child.signal(name)),
      ),
    ];
    const registering = this.#registerWhenReady();
    const exit = await this.#child.exited;
    this.#hasEnded = true;
    this.#hurry.abort();
    await registering;
    await this.#holder.release(this.#isStopping ? '' : exit.reason);
    for (const remove of off) remove();
    return this.#exitCode(exit);
  }

  #exitCode({ code, reason }: Exit): number {
    if (this.#isLate) return EXIT_FAILED;
    if (reason !== '' && !this.#isStopping) this.#options.notice(`${this.#options.argv[0]}: ${reason}`);
    return code;
  }

  async #registerWhenReady(): Promise<void> {
    if (!(await this.#waitUntilReady())) return;
    void this.#holder.hold();
  }

  /** False: the program has ended, or is told to, before it listens. */
  async #waitUntilReady(): Promise<boolean> {
    const { services, readyTimeout, notice } = this.#options;
    const startedAt = performance.now();
    for (;;) {
      if (this.#hasEnded || this.#isStopping) return false;
      const ready = await Promise.all(
        services.map(({ Address, Port }) => Port <= 0 || isListening(Address, Port)),
      );
      if (this.#hasEnded || this.#isStopping) return false;
      const missing = services.filter((_, i) => ready[i] === false);
      if (missing.length === 0) return true;
      if (readyTimeout > 0 && performance.now() - startedAt > readyTimeout) {
        const ports = missing.map(({ ID, Port }) => `${ID} on port ${Port}`).join(', ');
        notice(
          `the program does not listen for ${ports} after ${readyTimeout / 1000}s, and is stopped: give it longer with --ready-timeout`,
        );
        this.#isLate = true;
        this.#isStopping = true;
        this.#child.signal('SIGTERM');
        return false;
      }
      await this.#pause(POLL);
    }
  }

  #onStopSignal(name: 'SIGTERM' | 'SIGINT'): void {
    if (this.#isStopping) {
      if (this.#isForwarded) this.#child.signal(name);
      else this.#hurry.abort(); // whoever repeats a signal does not want to wait
      return;
    }
    this.#isStopping = true;
    void this.#drain().then(() => {
      this.#isForwarded = true;
      // Once only: programs take a second SIGINT for impatience.
      if (!this.#hasEnded && !(name === 'SIGINT' && this.#options.hasTerminal)) this.#child.signal(name);
    });
  }

  /** Waits until no agent answers with the services any more and their clients have gone, or the time is over. Never rejects. */
  async #drain(): Promise<void> {
    const { services, client, drainTimeout, notice } = this.#options;
    if (!this.#holder.isOpen || drainTimeout <= 0) return;
    notice(`draining for ${drainTimeout / 1000}s at most; repeat the signal to stop at once`);
    const startedAt = performance.now();
    const age = (): Millis => performance.now() - startedAt;
    const wait = Math.max(MIN_WAIT, Math.min(MAX_WAIT, drainTimeout));
    const asked = services.map(({ ID }) =>
      client.put(
        `/v1/hearsay/drain/${encodeURIComponent(ID)}?enable=true&wait=${wait}ms`,
        undefined,
        this.#hurry.signal,
      ),
    );
    const results = await Promise.race([
      Promise.allSettled(asked),
      this.#pause(drainTimeout + ANSWER_WITHIN),
    ]);
    if (!Array.isArray(results) || results.every(({ status }) => status === 'rejected')) return;
    const answers = results.map((result) =>
      result.status === 'fulfilled' ? toAnswer(result.value) : undefined,
    );
    const undone = answers.find((answer) => answer?.done === false);
    if (undone !== undefined && !this.#hurry.signal.aborted)
      notice(`not all agents know of the drain: ${undone.sentence}`);
    const isKnown = answers.every((answer) => answer !== undefined);
    await this.#pause(Math.min(isKnown ? SETTLE : MIN_DRAIN, drainTimeout - age()));
    const ports = services.map(({ Port }) => Port).filter((port) => port > 0);
    while (age() < drainTimeout && !this.#hurry.signal.aborted) {
      if (ports.length === 0 || (await countConnections(ports)) === 0) return;
      await this.#pause(POLL);
    }
  }

  /** Ends early when there is nothing to wait for any more. */
  async #pause(millis: Millis): Promise<void> {
    const { signal } = this.#hurry;
    await sleep(Math.max(0, millis), undefined, { signal }).catch(() => undefined);
  }
}

/** What the agent says of a drain; `undefined`: nothing, as one of an older version. */
function toAnswer(value: unknown): { readonly done: boolean; readonly sentence: string } | undefined {
  if (typeof value !== 'object' || value === null || !('done' in value) || !('sentence' in value))
    return undefined;
  return { done: value.done === true, sentence: String(value.sentence) };
}
