/** The open streams of one connection, by the sequence number of the request that opened each. */
import { AgentError } from '../../base/errors.ts';
import type { StreamRegistry } from '../commands/command.ts';

/** Streams of one connection, running queries included. */
const MAX_STREAMS = 64;
/** Logs that are followed at once, by all connections: each costs the work of formatting lines. */
export const MAX_LOG_STREAMS = 16;

/** Counts what all connections share. */
export interface StreamTotals {
  /** Logs that are followed. */
  logs: number;
  /** Bytes of records that clients have not read yet. */
  unreadRecords: number;
}

interface OpenStream {
  readonly kind: Parameters<StreamRegistry['open']>[1];
  close(): void;
}

export class ClientStreams implements StreamRegistry {
  readonly #totals: StreamTotals;
  readonly #open = new Map<number, OpenStream>();
  #isClosed = false;

  constructor(totals: StreamTotals) {
    this.#totals = totals;
  }

  get size(): number {
    return this.#open.size;
  }

  open(seq: number, kind: OpenStream['kind'], close: () => void): void {
    if (this.#isClosed) throw new AgentError('failed', 'the connection is closed: open another one');
    if (this.#open.has(seq)) throw new AgentError('conflict', 'Stream with given sequence exists');
    if (this.#open.size >= MAX_STREAMS)
      throw new AgentError(
        'tooLarge',
        `at most ${MAX_STREAMS} streams at once: stop one, or open another connection`,
      );
    if (kind === 'log') this.#admitLog();
    this.#open.set(seq, { kind, close });
  }

  close(seq: number): void {
    const stream = this.#open.get(seq);
    if (stream === undefined) return;
    this.#open.delete(seq);
    if (stream.kind === 'log') this.#totals.logs -= 1;
    stream.close();
  }

  /** No stream can be opened any more. */
  closeAll(): void {
    this.#isClosed = true;
    for (const seq of [...this.#open.keys()]) this.close(seq);
  }

  #admitLog(): void {
    if ([...this.#open.values()].some(({ kind }) => kind === 'log'))
      throw new AgentError('conflict', 'Monitor already exists');
    if (this.#totals.logs >= MAX_LOG_STREAMS)
      throw new AgentError(
        'tooLarge',
        `at most ${MAX_LOG_STREAMS} clients can follow the log at once: stop one`,
      );
    this.#totals.logs += 1;
  }
}
