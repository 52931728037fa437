/** An HTTP server of blocking queries, which can go and return at the same port. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface BlockingServer {
  readonly url: string;
  /** Gives all answers that were parked. */
  wake(): void;
  /** Parked answers are never given. */
  close(): Promise<void>;
  reopen(): Promise<void>;
}

/** Answers a request, or parks its answer. */
export type Handle = (
  request: IncomingMessage,
  response: ServerResponse,
  park: (answer: () => void) => void,
) => void;

export async function startBlockingServer(host: string, handle: Handle): Promise<BlockingServer> {
  const parked = new Set<() => void>();
  let server = createServer();
  const listen = async (port: number): Promise<void> => {
    server = createServer((request, response) => handle(request, response, (answer) => parked.add(answer)));
    await new Promise<void>((resolve) => server.listen(port, host, resolve));
  };
  const close = async (): Promise<void> => {
    parked.clear();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  await listen(0);
  onTestFinished(async () => {
    if (server.listening) await close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    wake: () => {
      for (const answer of [...parked]) answer();
      parked.clear();
    },
    close,
    reopen: () => listen(port),
  };
}
