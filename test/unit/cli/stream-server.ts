/** An agent as `hearsay sync` sees it: the event stream of the service `web`, and a partition summary. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** An instance of `web`. */
export const row = (number: number, status = 'passing', more: object = {}) => ({
  ...{
    id: `web-${number}`,
    node: 'n1',
    address: `10.0.0.${number}`,
    port: 80,
    ports: {},
    tags: [],
    meta: {},
  },
  ...{ weights: { passing: 10, warning: 1 }, zone: null, rtt: null, status, draining: status === 'draining' },
  ...more,
});

/** Begins with these rows, and sends others when they are set. */
export async function startStream(first: readonly object[]) {
  const streams = new Set<ServerResponse>();
  const paths: string[] = [];
  const agent = { rows: first, kind: 'whole' };
  const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  const rowsEvent = (): string => event('service', { service: 'web', instances: agent.rows });
  const server = createServer(({ url = '' }, response) => {
    paths.push(url);
    if (url === '/v1/hearsay/health')
      return response.end(
        JSON.stringify({ partitionSummary: { kind: agent.kind, sentence: '2 of 4 members are missing' } }),
      );
    if (url === '/v1/catalog/services') return response.end(JSON.stringify({ webs: [], api: [] }));
    streams.add(response.writeHead(200, { 'content-type': 'text/event-stream' }));
    return response.write(event('resync', { version: 1 }) + rowsEvent() + event('synced', { version: 1 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    paths,
    set: (rows: readonly object[], kind = 'whole') => {
      Object.assign(agent, { rows, kind });
      for (const stream of streams) stream.write(rowsEvent());
    },
    setKind: (kind: string) => {
      agent.kind = kind;
    },
    breakOff: () => {
      for (const stream of streams) stream.destroy();
      streams.clear();
    },
  };
}
