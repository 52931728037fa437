/** Runs one or more started agents until a signal or a request stops them. */
import { EXIT, printNotice, reportError } from './command.ts';
import type { Io } from './io.ts';

export interface Lifecycle {
  /** Leaves the cluster, then stops. */
  leave(): Promise<void>;
  /** Stops at once, without leaving. */
  stop(): Promise<void>;
  /** Settles when it has stopped, for any reason. */
  readonly stopped: Promise<void>;
  /** Called at SIGHUP. */
  reload(): Promise<void>;
  /** Called at SIGUSR1. */
  logMetrics(): void;
}

const STOP_TIMEOUT = 1000;

/** Resolves to the exit code: 0 after leaving or after a request to stop, 130 after a second signal. */
export function runUntilStopped(io: Io, agents: Lifecycle): Promise<number> {
  return new Promise((resolve) => {
    let leaving = false;
    const end = (code: number): void => {
      for (const off of handlers) off();
      resolve(code);
    };
    const onStop = (): void => {
      if (leaving) {
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
      leaving = true;
      printNotice(io, 'leaving the cluster; repeat the signal to stop at once');
      agents.leave().then(
        () => end(EXIT.done),
        (error: unknown) => {
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
      io.onSignal('SIGHUP', () => void agents.reload().catch((error: unknown) => reportError(io, error))),
      // As agents of Serf do. Without a listener Node opens its inspector at SIGUSR1, and ends at SIGUSR2 (S30).
      io.onSignal('SIGUSR1', () => agents.logMetrics()),
      io.onSignal('SIGUSR2', () => undefined),
    ];
    agents.stopped.then(
      () => {
        if (!leaving) end(EXIT.done);
      },
      (error: unknown) => end(reportError(io, error)),
    );
  });
}
