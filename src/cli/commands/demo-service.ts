/** A service of the demo: a tiny HTTP server, so that what `hearsay resolve` prints can be dialed, and its check is real. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const FIRST_PORT = 8081;

/** A tiny HTTP server. */
export interface DemoServer {
  readonly host: string;
  readonly port: number;
  readonly isOpen: boolean;
  /** Listens again where it did. Rejects if another program has taken the port. */
  open(): Promise<void>;
  close(): void;
}

export interface DemoService extends DemoServer {
  readonly registration: DemoRegistration;
}

/** The body of a registration, in the fields of Consul. */
interface DemoRegistration {
  readonly Name: string;
  readonly ID: string;
  readonly Address: string;
  readonly Port: number;
  readonly Tags: readonly string[];
  readonly Check: object;
}

/** `web` for every second agent, `api` for the others. */
export const demoServiceName = (number: number): 'web' | 'api' => (number % 2 === 0 ? 'web' : 'api');

/** Listens on a port of its own: the one that people expect, or a free one. */
export async function startDemoService(number: number, host: string): Promise<DemoService> {
  const name = demoServiceName(number);
  const id = `${name}-${number}`;
  const server = await startDemoServer(`${id} of demo-${number}\n`, host, id, FIRST_PORT + number - 1);
  const { port } = server;
  const registration = {
    ...{ Name: name, ID: id, Address: host, Port: port, Tags: ['demo'] },
    Check: { CheckID: `${id}-http`, HTTP: `http://${host}:${port}/`, Interval: '1s', Timeout: '1s' },
  };
  return {
    ...{ registration, host, port },
    get isOpen() {
      return server.isOpen;
    },
    open: () => server.open(),
    close: () => server.close(),
  };
}

/** Answers with `text`, on this port or a free one. */
export async function startDemoServer(
  text: string,
  host: string,
  id: string,
  wanted = 0,
): Promise<DemoServer> {
  const server = createServer((_request, response) => response.end(text));
  const port = (await listen(server, host, wanted)) ?? (await listen(server, host, 0)) ?? 0;
  server.unref();
  return {
    ...{ host, port },
    get isOpen() {
      return server.listening;
    },
    open: async () => {
      if (server.listening || (await listen(server, host, port)) !== undefined) return;
      throw new Error(`another program has taken port ${port} of ${id}`);
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The port that it listens on; `undefined`: it is taken. */
function listen(server: Server, host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const onError = (): void => resolve(undefined);
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
