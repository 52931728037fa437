/**
 * Takes the ports that the demo's services prefer, as far as they are free: each test's services then get ports that no other
 * test can take while they are closed. Returns what ends that.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

const FIRST_PORT = 8081;
const PORTS = 10;

export async function occupyDemoPorts(): Promise<() => void> {
  const servers: Server[] = [];
  for (let port = FIRST_PORT; port < FIRST_PORT + PORTS; port++) {
    const server = createServer();
    const taken = once(server, 'error');
    server.listen(port, '127.0.0.1');
    await Promise.race([once(server, 'listening'), taken]); // another test may hold it
    servers.push(server);
  }
  return () => {
    for (const server of servers) server.close();
  };
}
