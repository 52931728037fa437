/** Ports of a program: a free one, whether it listens, and how many connections are open on it. */
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';

const DIAL_TIMEOUT = 1000;
/** Where the kernel does not list who listens, only these addresses of the host are dialed. */
const LOOPBACK = ['127.0.0.1', '::1'] as const;

/** A port that was free just now. Another program may take it before the one that it is for. */
export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, () => {
      const at = server.address();
      server.close(() =>
        typeof at === 'object' && at !== null ? resolve(at.port) : reject(new Error('there is no free port')),
      );
    });
  });
}

/** Whether something accepts connections at this port; `address` `''`: at any address of this host. */
export async function isListening(address: string, port: number): Promise<boolean> {
  if (address === '' && ((await countSockets([port], LISTEN)) ?? 0) > 0) return true;
  const hosts = address === '' ? LOOPBACK : [address];
  const found = await Promise.all(hosts.map((host) => canConnect(host, port)));
  return found.includes(true);
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: DIAL_TIMEOUT });
    const end = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', end(true));
    socket.once('timeout', end(false));
    socket.once('error', end(false));
  });
}

/** States of a TCP socket, as Linux writes them. */
const ESTABLISHED = '01';
const LISTEN = '0A';

/** Connections that clients have open to these ports; `undefined` where the kernel does not tell (only Linux does). */
export const countConnections = (ports: readonly number[]): Promise<number | undefined> =>
  countSockets(ports, ESTABLISHED);

async function countSockets(ports: readonly number[], wanted: string): Promise<number | undefined> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/self/net/${name}`, 'latin1').catch(() => undefined)),
  );
  if (tables[0] === undefined) return undefined;
  return tables
    .flatMap((table) => (table ?? '').split('\n').slice(1))
    .filter((row) => {
      const [, local = '', , state] = row.trim().split(/\s+/);
      return state === wanted && ports.includes(Number.parseInt(local.split(':').at(-1) ?? '', 16));
    }).length;
}
