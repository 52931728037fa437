/** `/v1/hearsay/events`: members, services and worker pools as they change. Field names are a contract. */
import type { IndexedChange } from '../../../agent/contract/view.ts';
import { AgentError } from '../../../base/errors.ts';
import { poolKey } from '../../../partitions/types.ts';
import { listParam } from '../../endpoint/query.ts';
import { StreamReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { any, recordOf } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import {
  createEventStream,
  type EventFormatter,
  type ServerSentEvent,
} from '../../endpoint/streams/event-stream.ts';
import { toMemberJson } from '../../hearsay/members.ts';
import { emptyPool, POOL_SCHEMA, toPoolJson } from '../../hearsay/partitions.ts';
import {
  changedServices,
  serviceRowsSchema,
  snapshotMarkSchema,
  toServiceRows,
  toSnapshotMark,
} from '../../hearsay/service-rows.ts';

/** Those that are sent to whoever does not choose. */
const DEFAULT_TYPES = ['member', 'service'] as const;
const EVENT_TYPES = [...DEFAULT_TYPES, 'partitions'] as const;
/** Clients of more services follow all of them. */
const MAX_SERVICES = 256;

/**
 * `GET /v1/hearsay/events?type=member&type=service`: server-sent events. First the present state, between `resync` and
 * `synced`; then the new state of whatever changes. With `Last-Event-ID` only what changed since, or everything again
 * if that is too long ago. `service=NAME` selects services, also such that do not exist yet. `type=partitions`: worker pools.
 */
export const hearsayEvents = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/events',
  summary: 'Server-sent events: the present state, then each change',
  eventSchemas: {
    resync: snapshotMarkSchema,
    synced: snapshotMarkSchema,
    agent: snapshotMarkSchema,
    member: recordOf(any),
    service: serviceRowsSchema,
    partitions: POOL_SCHEMA,
  },
  query: { type: listParam, service: listParam },
  handler: ({ query, site, header, onDisconnect }) => {
    const unknown = query.type.find((type) => !EVENT_TYPES.some((one) => one === type));
    if (unknown !== undefined)
      throw new AgentError('badRequest', `Invalid type "${unknown}": use ${EVENT_TYPES.join(', ')}`);
    if (query.service.length > MAX_SERVICES)
      throw new AgentError(
        'badRequest',
        `More than ${MAX_SERVICES} services: leave "service" out to follow all of them`,
      );
    const types = query.type.length > 0 ? query.type : query.service.length > 0 ? ['service'] : DEFAULT_TYPES;
    const stream = createEventStream(
      site,
      createEventFormatter(site, new Set(types), query.service),
      parseLastEventId(header('last-event-id')),
      onDisconnect,
    );
    return new StreamReply(stream, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  },
});

/** An id that is no number counts as none, so everything is sent. */
function parseLastEventId(id: string | undefined): number | undefined {
  return id !== undefined && /^\d{1,16}$/.test(id) ? Number(id) : undefined;
}

function createEventFormatter(
  site: Site,
  types: ReadonlySet<string>,
  services: readonly string[],
): EventFormatter {
  const { view } = site.agent;
  const selected = new Set(services.map((name) => name.toLowerCase()));
  const member = (name: string): ServerSentEvent => {
    const row = view.members().find((one) => one.name === name);
    return {
      event: 'member',
      data: row === undefined ? { name, status: 'gone' } : toMemberJson(row, site),
    };
  };
  const service = (name: string): ServerSentEvent => ({ event: 'service', data: toServiceRows(site, name) });
  const isPoolSelected = (key: string): boolean =>
    selected.size === 0 || selected.has(key.slice(0, key.lastIndexOf(':')));
  const pool = (key: string): ServerSentEvent => {
    const at = key.lastIndexOf(':');
    const id = { service: key.slice(0, at), count: Number(key.slice(at + 1)) };
    const data = toPoolJson(view.partitions.pool(id) ?? emptyPool(id), view.node);
    return { event: 'partitions', data };
  };
  return {
    *formatChanges(changes: readonly IndexedChange[], seen: number) {
      if (types.has('member'))
        for (const { kind, name } of changes) if (kind === 'member') yield member(name);
      if (types.has('partitions'))
        for (const { kind, name } of changes)
          if (kind === 'partitions' && isPoolSelected(name)) yield pool(name);
      if (!types.has('service')) return;
      // Its own zone may be another now.
      if (changes.some(({ kind, name }) => kind === 'member' && name === view.node))
        yield { event: 'agent', data: toSnapshotMark(site, view.indexOf(['anything'])) };
      for (const name of changedServices(view, changes, seen))
        if (selected.size === 0 || selected.has(name)) yield service(name);
    },
    *formatSnapshot() {
      if (types.has('member')) for (const { name } of view.members()) yield member(name);
      if (types.has('partitions'))
        for (const one of view.partitions.pools())
          if (isPoolSelected(poolKey(one))) yield { event: 'partitions', data: toPoolJson(one, view.node) };
      if (!types.has('service')) return;
      const names =
        selected.size > 0 ? selected : [...view.catalog.services().keys()].map((name) => name.toLowerCase());
      for (const name of names) yield service(name);
    },
    formatMark: (index) => toSnapshotMark(site, index),
  };
}
