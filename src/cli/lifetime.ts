/** Runs one or more started agents until a signal or a request stops them. */
import { EXIT, printNotice, reportError } from './command.ts';
import type { Io } from './io.ts';

export interface Lifecycle {
  /** How to stop in order: by leaving the cluster, or for a pause. */
  stopInOrder(): { readonly notice: string; run(): Promise<void> };
  /** Stops at once, without leaving. */
  stop(): Promise<void>;
  /** Settles when it has stopped, for any reason. */
  readonly stopped: Promise<void>;
  /** Called at SIGHUP. Never rejects. */
  reload(): Promise<void>;
  /** Called at SIGUSR1. */
  logMetrics(): void;
}

const STOP_TIMEOUT = 1000;

/**
 * Starts agents, and resolves to the exit code: 0 after a stop in order or on request, 130 after a second signal. Rejects if
 * `start` does. Signals count from here on: one that comes during the start is followed when it has ended, since an agent that is
 * killed then would leave its lock and its seat in the cluster behind. One to stop aborts `stopping`, so that `start` waits for
 * nobody any more.
 */
export async function runUntilStopped(
  io: Io,
  start: (stopping: AbortSignal) => Promise<Lifecycle>,
): Promise<number> {
  const signals = new SignalHandling(io);
  try {
    return await signals.follow(await start(signals.stopping));
  } finally {
    signals.close();
  }
}

class SignalHandling {
  readonly #io: Io;
  readonly #handlers: readonly (() => void)[];
  /** `undefined` during the start. */
  #agents: Lifecycle | undefined;
  /** What signals asked for during the start. */
  readonly #requested = new Set<'stop' | 'reload' | 'logMetrics'>();
  readonly #stopRequest = new AbortController();
  #isStopping = false;
  #isInterrupted = false;
  #end: (code: number) => void = () => {};

  constructor(io: Io) {
    this.#io = io;
    this.#handlers = [
      io.onSignal('SIGINT', () => this.#handle('stop')),
      io.onSignal('SIGTERM', () => this.#handle('stop')),
      io.onSignal('SIGHUP', () => this.#handle('reload')),
      // As agents of Serf do. Without a listener Node opens its inspector at SIGUSR1, and ends at SIGUSR2 (S30).
      io.onSignal('SIGUSR1', () => this.#handle('logMetrics')),
      io.onSignal('SIGUSR2', () => undefined),
    ];
  }

  /** Aborts when a signal asks for a stop during the start. */
  get stopping(): AbortSignal {
    return this.#stopRequest.signal;
  }

  close(): void {
    for (const off of this.#handlers) off();
  }

  /** The agents have started. Resolves to the exit code when they have stopped. */
  follow(agents: Lifecycle): Promise<number> {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.#agents = agents;
      agents.stopped.then(
        () => {
          if (!this.#isStopping) resolve(EXIT.done);
        },
        (error: unknown) => resolve(reportError(this.#io, error)),
      );
      // A stop makes the rest pointless.
      if (this.#requested.has('stop')) this.#stopInOrder(agents);
      else for (const request of this.#requested) this.#handle(request);
    });
  }

  #handle(request: 'stop' | 'reload' | 'logMetrics'): void {
    const agents = this.#agents;
    if (agents === undefined) return this.#postpone(request);
    if (request === 'reload') void agents.reload();
    else if (request === 'logMetrics') agents.logMetrics();
    else if (this.#isStopping) this.#interrupt(agents);
    else this.#stopInOrder(agents);
  }

  #postpone(request: 'stop' | 'reload' | 'logMetrics'): void {
    if (request === 'stop' && this.#requested.has('stop')) this.#io.forceExit(EXIT.interrupted);
    else if (request === 'stop')
      printNotice(this.#io, 'stopping as soon as the start has ended; repeat the signal to stop at once');
    this.#requested.add(request);
    if (request === 'stop') this.#stopRequest.abort();
  }

  #stopInOrder(agents: Lifecycle): void {
    this.#isStopping = true;
    const { notice, run } = agents.stopInOrder();
    printNotice(this.#io, `${notice}; repeat the signal to stop at once`);
    run().then(
      () => this.#end(EXIT.done),
      (error: unknown) => {
        if (this.#isInterrupted) return; // it failed because of the second signal, which ends the process
        const code = reportError(this.#io, error);
        agents
          .stop()
          .catch(() => undefined)
          .finally(() => this.#end(code));
      },
    );
  }

  #interrupt(agents: Lifecycle): void {
    this.#isInterrupted = true;
    const timer = setTimeout(() => this.#io.forceExit(EXIT.interrupted), STOP_TIMEOUT);
    agents
      .stop()
      .catch(() => undefined)
      .finally(() => {
        clearTimeout(timer);
        this.#end(EXIT.interrupted);
      });
  }
}
