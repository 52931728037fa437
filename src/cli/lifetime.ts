/** How a started agent, or several, live until they are told to stop. */
import { EXIT, printNotice, reportError } from './command.ts';
import type { Io } from './io.ts';

export interface Lifecycle {
  /** Orderly: tells the cluster, then stops. */
  leave(): Promise<void>;
  /** At once. */
  stop(): Promise<void>;
  /** Settles when it is down, whoever asked for it. */
  readonly stopped: Promise<void>;
  /** At SIGHUP. */
  reload(): Promise<void>;
}

const STOP_TIMEOUT = 1000;

/** Resolves to the exit code: 0 when it has left or was stopped by a request, 130 after a second signal. */
export function runUntilStopped(io: Io, living: Lifecycle): Promise<number> {
  return new Promise((resolve) => {
    let leaving = false;
    const end = (code: number): void => {
      for (const off of handlers) off();
      resolve(code);
    };
    const onStop = (): void => {
      if (leaving) {
        const hurry = setTimeout(() => io.forceExit(EXIT.interrupted), STOP_TIMEOUT);
        living
          .stop()
          .catch(() => undefined)
          .finally(() => {
            clearTimeout(hurry);
            end(EXIT.interrupted);
          });
        return;
      }
      leaving = true;
      printNotice(io, 'leaving; once more to stop at once');
      living.leave().then(
        () => end(EXIT.done),
        (error: unknown) => {
          const code = reportError(io, error);
          living
            .stop()
            .catch(() => undefined)
            .finally(() => end(code));
        },
      );
    };
    const handlers = [
      io.onSignal('SIGINT', onStop),
      io.onSignal('SIGTERM', onStop),
      io.onSignal('SIGHUP', () => void living.reload().catch((error: unknown) => reportError(io, error))),
    ];
    living.stopped.then(
      () => {
        if (!leaving) end(EXIT.done);
      },
      (error: unknown) => end(reportError(io, error)),
    );
  });
}
