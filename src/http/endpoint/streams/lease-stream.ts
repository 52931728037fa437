/**
 * The answer to a request that holds a lease: a line of JSON when the lease is held, then a blank line each while, so that
 * proxies and clients know that it lives, and that TCP finds a peer that is gone without a word. A last line of JSON says that
 * the lease has ended here; without one the agent has stopped, and the client comes back with the same lease.
 */
import type { Millis } from '../../../base/time.ts';
import type { BlockingQueries, OnDisconnect } from '../blocking.ts';
import { createTextStream } from './text-stream.ts';

export interface LeaseStreamOptions {
  readonly lease: string;
  /** The IDs of its services. */
  readonly services: readonly string[];
  /** Why this connection does not hold the lease any more; `undefined`: it does. */
  explainEnd(): string | undefined;
  readonly blockingQueries: BlockingQueries;
  readonly onDisconnect: OnDisconnect;
}

/** Proxies close connections that are silent for half a minute. */
const HEARTBEAT: Millis = 20_000;

/** The stream ends when the client, the server or the lease goes. */
export function createLeaseStream(options: LeaseStreamOptions): ReadableStream<Uint8Array> {
  const { lease, services, explainEnd, blockingQueries, onDisconnect } = options;
  let disconnected = false;
  onDisconnect(() => {
    disconnected = true;
  });
  return createTextStream(follow());

  async function* follow(): AsyncGenerator<string, void, undefined> {
    yield `${JSON.stringify({ lease, service: services[0], services })}\n`;
    const isHeld = (): boolean => explainEnd() === undefined;
    while (isHeld() && !disconnected && !blockingQueries.closed) {
      await blockingQueries.waitInStream(isHeld, [`lease:${lease}`], HEARTBEAT, onDisconnect);
      if (isHeld() && !disconnected && !blockingQueries.closed) yield '\n';
    }
    const ended = explainEnd();
    if (ended !== undefined && !blockingQueries.closed) yield `${JSON.stringify({ lease, ended })}\n`;
  }
}
