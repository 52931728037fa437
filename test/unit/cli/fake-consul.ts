/** A Consul with blocking queries, whose catalog and indexes the test sets. */
import type { ServerResponse } from 'node:http';
import { startBlockingServer } from './blocking-server.ts';

/** By node: the status of its only check by service. */
export type FakeCatalog = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface FakeConsul {
  readonly url: string;
  /** The `index` of the blocking queries, in order of arrival; 0: none, the state is wanted at once. */
  readonly asked: number[];
  /** When the whole state was asked for, by `performance.now()`. */
  readonly readAt: number[];
  /** Answers what waits for a change. */
  set(index: number, catalog: FakeCatalog): void;
  /** Refuses these requests from now on, those that wait as well; none: answers again. */
  refuse(path?: string): void;
  close(): Promise<void>;
  reopen(): Promise<void>;
}

export async function startFakeConsul(
  host: string,
  first: number,
  firstCatalog: FakeCatalog,
): Promise<FakeConsul> {
  const asked: number[] = [];
  const readAt: number[] = [];
  let [index, catalog] = [first, firstCatalog];
  let refused: string | undefined;
  const bodyOf = (path: string): unknown => {
    const node = decodeURIComponent(path.split('/').at(-1) ?? '');
    const services = Object.entries(catalog[node] ?? {});
    if (path === '/v1/catalog/nodes')
      return Object.keys(catalog).map((name) => ({ Node: name, Address: '192.0.2.1', Meta: {} }));
    if (path.startsWith('/v1/catalog/node/'))
      return { Services: Object.fromEntries(services.map(([ID]) => [ID, { ID, Service: ID }])) };
    if (path.startsWith('/v1/health/node/'))
      return services.map(([ServiceID, Status]) => ({
        ...{ CheckID: `service:${ServiceID}`, ServiceID, Status, Name: 'c', Output: '' },
      }));
    return [];
  };
  const answer = (path: string, response: ServerResponse): void => {
    if (refused !== undefined && path.startsWith(refused))
      response.writeHead(500).end('No cluster leader \u001b[31m');
    else response.writeHead(200, { 'x-consul-index': String(index) }).end(JSON.stringify(bodyOf(path)));
  };
  const { wake, ...server } = await startBlockingServer(host, ({ url = '' }, response, park) => {
    const { pathname, searchParams } = new URL(url, 'http://consul');
    const seen = Number(searchParams.get('index') ?? 0);
    if (pathname === '/v1/health/state/any') {
      asked.push(seen);
      if (seen === 0) readAt.push(performance.now());
    }
    // As Consul does: an index above its own waits as well.
    if (seen >= index && seen > 0) park(() => answer(pathname, response));
    else answer(pathname, response);
  });
  return {
    ...server,
    asked,
    readAt,
    set: (newIndex, newCatalog) => {
      [index, catalog] = [newIndex, newCatalog];
      wake();
    },
    refuse: (path) => {
      refused = path;
      wake();
    },
  };
}
