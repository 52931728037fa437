/** `/v1/hearsay/partitions` and `/v1/hearsay/worker`: the work that the instances of a service share. Field names are a contract. */
import { randomUUID } from 'node:crypto';
import type { View } from '../../../agent/contract/view.ts';
import { AgentError } from '../../../base/errors.ts';
import { MAX_PARTITIONS } from '../../../model/partition-entries.ts';
import { type PoolId, poolKey } from '../../../partitions/types.ts';
import { parseJson } from '../../endpoint/body.ts';
import { textParam } from '../../endpoint/query.ts';
import { StreamReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { arrayOf, number, object } from '../../endpoint/schema.ts';
import { createWorkerStream } from '../../endpoint/streams/worker-stream.ts';
import { emptyPool, POOL_SCHEMA, toPoolJson } from '../../hearsay/partitions.ts';
import { requireValue } from '../../pool/selectors.ts';

/** `GET /v1/hearsay/partitions`: all worker pools. */
export const hearsayPools = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/partitions',
  summary: 'All worker pools: who takes part, and who has which partition',
  responseSchema: arrayOf(POOL_SCHEMA),
  watch: () => ['partitions', 'members', 'checks'],
  uncacheable: true,
  handler: ({ view }) => view.partitions.pools().map((pool) => toPoolJson(pool, view.node)),
});

/** `GET /v1/hearsay/partitions/:service/:count`: one of them. */
export const hearsayPool = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/partitions/:service/:count',
  summary: 'A worker pool: who takes part, and who has which partition, and why',
  responseSchema: POOL_SCHEMA,
  watch: ({ params }) => {
    const pool = readPool(params);
    return [`partitions:${poolKey(pool)}`, 'members', `service:${pool.service}`];
  },
  uncacheable: true,
  handler: ({ params, view }) => {
    const pool = readPool(params);
    return toPoolJson(view.partitions.pool(pool) ?? emptyPool(pool), view.node);
  },
});

/**
 * `PUT /v1/hearsay/partitions/:service/:count?id=ID`: a process takes part as this instance while the request is open. It is told
 * which partitions it acquires, and which it has to release.
 */
export const hearsayWorker = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/partitions/:service/:count',
  summary: 'Take part in a worker pool for as long as this request is open',
  query: { id: textParam, quorum: quorumParam },
  handler: async ({ params, query, site, view, onDisconnect }) => {
    const pool = readPool(params);
    const worker = query.id === '' ? onlyInstance(view, pool) : query.id;
    site.blockingQueries.requireRoom();
    const session = randomUUID();
    const { agent } = site;
    await agent.execute({ kind: 'attachWorker', pool, worker, session, quorum: query.quorum });
    const ignore = (): undefined => undefined; // the agent is stopping
    onDisconnect(() => void agent.execute({ kind: 'detachWorker', session, inOrder: false }).catch(ignore));
    const stream = createWorkerStream({
      greeting: { worker: session, id: worker, node: view.node },
      ...{ topic: `partitions:${poolKey(pool)}`, onDisconnect, blockingQueries: site.blockingQueries },
      partitions: () => view.partitions.worker(session),
      release: ({ partition, token }) =>
        void agent.execute({ kind: 'releasePartition', session, partition, token }).catch(ignore),
    });
    return new StreamReply(stream, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
  },
});

/** `PUT /v1/hearsay/worker/:worker/released`: the worker has let `{partition, token}` go, as it was told. */
export const hearsayWorkerReleased = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/worker/:worker/released',
  summary: 'Tell that a worker has let a partition go, as it was told',
  requestSchema: object({ partition: number, token: number }),
  body: parseJson,
  handler: async ({ params: { worker }, body, site }) => {
    const session = requireValue(worker, 'worker ID');
    await site.agent.execute({ kind: 'releasePartition', session, ...readReleased(body) });
  },
});

/** `DELETE /v1/hearsay/worker/:worker`: a worker that has let all its partitions go takes part no more. */
export const hearsayWorkerEnd = route({
  method: 'DELETE',
  scope: 'register',
  path: '/v1/hearsay/worker/:worker',
  summary: 'End the part of a worker that has let all its partitions go',
  handler: async ({ params: { worker }, site }) => {
    const session = requireValue(worker, 'worker ID');
    await site.agent.execute({ kind: 'detachWorker', session, inOrder: true });
  },
});

/** A declaration, since routes above use it. */
function quorumParam([value = '1']: readonly string[]): number {
  if (/^[1-9]\d{0,4}$/.test(value)) return Number(value);
  throw new AgentError('badRequest', 'quorum: say how many workers must be in view, as quorum=3');
}

function readReleased(body: unknown): { readonly partition: number; readonly token: number } {
  const { partition, token } = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (Number.isSafeInteger(partition) && Number.isSafeInteger(token))
    return { partition: partition as number, token: token as number };
  throw new AgentError('badRequest', 'The body must be a JSON object with the numbers partition and token');
}

function readPool({ service, count }: { readonly service: string; readonly count: string }): PoolId {
  const pool = { service: requireValue(service, 'service name').toLowerCase(), count: Number(count) };
  if (!/^\d{1,4}$/.test(count) || pool.count < 1 || pool.count > MAX_PARTITIONS)
    throw new AgentError('badRequest', `The number of partitions must be 1 to ${MAX_PARTITIONS}`);
  if (!/^[a-z0-9._-]{1,128}$/.test(pool.service))
    throw new AgentError(
      'badRequest',
      'The name of a service has at most 128 letters, digits, ".", "_" or "-"',
    );
  return pool;
}

/** The instance of the pool's service on this node. Throws if there is none, or several. */
function onlyInstance(view: View, { service }: PoolId): string {
  const own = view.catalog.instances(service).filter(({ node }) => node === view.node);
  const [only] = own;
  if (only !== undefined && own.length === 1) return only.service.id;
  throw new AgentError(
    'badRequest',
    own.length === 0
      ? 'This agent has no instance of that service: register it first, then take part'
      : 'This agent has several instances of that service: say which one with ?id=ID',
  );
}
