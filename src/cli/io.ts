/** The parts of the process that commands use. Tests pass their own. */
import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import type { AgentConfig } from '../config/schema.ts';
import { eraseFromEnvironment } from '../files/environ.ts';
import type { ReadSettings, RunningAgent, startAgent } from '../main.ts';
import { readKeys } from './keyboard.ts';

export interface Output {
  write(text: string): void;
  /** Whether it is a terminal, read by people. */
  readonly isTerminal: boolean;
  /** The size of the terminal, if it is one that tells it. */
  size?(): { readonly columns: number; readonly rows: number } | undefined;
}

/** A running agent, as the commands need it. */
export type StartedAgent = Omit<RunningAgent, 'agent'>;

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2';

export interface Io {
  readonly out: Output;
  readonly err: Output;
  /** All of stdin as text. Rejects when it is more than `maxBytes`. */
  readStdin(maxBytes: number): Promise<string>;
  /** Calls `onKey` for each key until the function it returns is called. `undefined`: nobody sits at a terminal. */
  readKeys(onKey: (key: string) => void): (() => void) | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Erases variables that hold secrets. Returns those that other programs can still read. */
  eraseFromEnvironment(names: readonly string[]): readonly string[];
  readonly hostname: string;
  /** Calls `handler` at each `signal` until the function it returns is called. */
  onSignal(signal: Signal, handler: () => void): () => void;
  /** A reload calls `readSettings`. When `stopping` aborts, the start ends without waiting for seeds. */
  startAgent(
    config: AgentConfig,
    readSettings?: ReadSettings,
    stopping?: AbortSignal,
    links?: Parameters<typeof startAgent>[3],
  ): Promise<StartedAgent>;
  /** Ends the process at once. */
  forceExit(code: number): void;
}

export function processIo(): Io {
  return {
    out: toOutput(process.stdout),
    err: toOutput(process.stderr),
    readStdin,
    readKeys: (onKey) => readKeys(onKey),
    env: process.env,
    eraseFromEnvironment,
    hostname: hostname(),
    onSignal: (signal, handler) => {
      process.on(signal, handler);
      return () => process.off(signal, handler);
    },
    startAgent: async (...options) => {
      deferOptimization();
      return (await import('../main.ts')).startAgent(...options);
    },
    forceExit: (code) => process.exit(code),
  };
}

/**
 * Has functions of this process optimized later than Node 20 does by default, which is after 67,584 octets of bytecode. An agent runs nearly all
 * of its code in the second in which it joins, and little of it often after that, but the compiler took a quarter of the processor time of
 * a join, and its code 1.5 MB (docs/performance.md). Node 22 needs no help, and later versions have no such flag.
 */
function deferOptimization(): void {
  if (process.versions.node.startsWith('20.')) setFlagsFromString('--interrupt-budget=1000000');
}

async function readStdin(maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of process.stdin as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBytes) throw new Error(`stdin: is larger than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

const EXIT_FAILED = 1;

function toOutput(stream: NodeJS.WriteStream): Output {
  // The reader of a pipe may stop early: `hearsay members | head -1`.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    // Synchronous, since the process ends here. If stderr is broken, too, nobody can be told.
    if (stream !== process.stderr)
      try {
        writeSync(
          process.stderr.fd,
          `hearsay: the output cannot be written (${error.code ?? error.message})\n`,
        );
      } catch {
        // stderr is as full
      }
    process.exit(EXIT_FAILED);
  });
  return {
    write: (text) => void stream.write(text),
    isTerminal: stream.isTTY === true,
    size: () => {
      const { columns, rows } = stream;
      return columns > 0 && rows > 0 ? { columns, rows } : undefined;
    },
  };
}
