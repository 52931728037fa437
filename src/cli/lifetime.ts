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

/** Resolves to the exit code: 0 after a stop in order or on request, 130 after a second signal. */
export function runUntilStopped(io: Io, agents: Lifecycle): Promise<number> {
  return new Promise((resolve) => {
    let stopping = false;
    let interrupted = false;
    const end = (code: number): void => {
      for (const off of handlers) off();
      resolve(code);
    };
    const onStop = (): void => {
      if (stopping) {
        interrupted = true;
        const timer = setTimeout(() => io.forceExit(EXIT.interrupted), STOP_TIMEOUT);
        agents
          .stop()
          .catch(() => undefined)
          .finally(() => {
            clearTimeout(timer);
            end(EXIT.interrupted);
          });
        return;
      }
      stopping = true;
      const { notice, run } = agents.stopInOrder();
      printNotice(io, `${notice}; repeat the signal to stop at once`);
      run().then(
        () => end(EXIT.done),
        (error: unknown) => {
          if (interrupted) return; // it failed because of the second signal, which ends the process
          const code = reportError(io, error);
          agents
            .stop()
            .catch(() => undefined)
            .finally(() => end(code));
        },
      );
    };
    const handlers = [
      io.onSignal('SIGINT', onStop),
      io.onSignal('SIGTERM', onStop),
      io.onSignal('SIGHUP', () => void agents.reload()),
      // As agents of Serf do. Without a listener Node opens its inspector at SIGUSR1, and ends at SIGUSR2 (S30).
      io.onSignal('SIGUSR1', () => agents.logMetrics()),
      io.onSignal('SIGUSR2', () => undefined),
    ];
    agents.stopped.then(
      () => {
        if (!stopping) end(EXIT.done);
      },
      (error: unknown) => end(reportError(io, error)),
    );
  });
}
