/** Which requests may go to another instance, for all adapters. */
import type { DiscoveredService } from './discovered-service.ts';

/** What adapters need of the client. */
export interface ServiceLookup {
  shared(name: string): DiscoveredService;
}

/** The first answer of the agent may take so long, in milliseconds; with a list adapters do not wait at all. */
const READY_WITHIN = 5000;

/** Waits for the first list of a service. Rejects with `NoInstanceError`. */
export async function waitForService(service: DiscoveredService): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  // `pick` throws while there is no list, and says why there is none.
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, READY_WITHIN);
  }).then(() => void service.pick());
  await Promise.race([service.ready, late]).finally(() => clearTimeout(timer));
}

/** Nothing was sent: the connection was not made. */
export const isConnectError = ({ code, syscall }: NodeJS.ErrnoException): boolean =>
  syscall === 'connect' || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ECONNREFUSED';

/** The connection broke, and the method means the same when it arrives twice. Source: RFC 9110, "Idempotent Methods". */
export const isSafeToRepeat = (method: string, { code }: NodeJS.ErrnoException): boolean =>
  BROKEN.has(code ?? '') && IDEMPOTENT.has(method.toUpperCase());

const BROKEN = new Set(['UND_ERR_SOCKET', 'UND_ERR_CLOSED', 'UND_ERR_DESTROYED', 'ECONNRESET', 'EPIPE']);
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
