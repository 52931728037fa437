/** `/v1/hearsay/events`: members and services as they change. Field names are a contract. */
import type { IndexedChange, View } from '../../../agent/contract/view.ts';
import { AgentError } from '../../../base/errors.ts';
import { createEventStream, type EventFormatter, type ServerSentEvent } from '../../endpoint/event-stream.ts';
import { listParam } from '../../endpoint/query.ts';
import { StreamReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import type { Site } from '../../endpoint/site.ts';
import { toMemberJson } from '../../hearsay/members.ts';

const EVENT_TYPES: ReadonlySet<string> = new Set<IndexedChange['kind']>(['member', 'service']);

/**
 * `GET /v1/hearsay/events?type=member&type=service`: server-sent events. First the present state, between `resync` and
 * `synced`; then the new state of whatever changes. With `Last-Event-ID` only what changed since, or everything again
 * if that is too long ago.
 */
export const hearsayEvents = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/events',
  summary: 'Server-sent events: the present state, then each change',
  query: { type: listParam },
  handler: ({ query, site, header, onDisconnect }) => {
    const unknown = query.type.find((type) => !EVENT_TYPES.has(type));
    if (unknown !== undefined)
      throw new AgentError('badRequest', `Invalid type "${unknown}": use ${[...EVENT_TYPES].join(', ')}`);
    const wanted = new Set(query.type.length === 0 ? EVENT_TYPES : query.type);
    const stream = createEventStream(
      site,
      createEventFormatter(site, wanted),
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

function createEventFormatter(site: Site, wanted: ReadonlySet<string>): EventFormatter {
  const { view } = site.agent;
  const member = (name: string): ServerSentEvent => {
    const row = view.members().find((one) => one.name === name);
    return {
      event: 'member',
      data: row === undefined ? { name, status: 'gone' } : toMemberJson(row, site),
    };
  };
  const service = (name: string): ServerSentEvent => ({
    event: 'service',
    data: {
      service: name,
      instances: view.catalog
        .instances(name)
        .map(({ node, service: { id, address, port, ports, tags }, status, unconfirmed }) => ({
          node,
          id,
          address: address || addressOf(view, node),
          port,
          ...(ports.length === 0
            ? {}
            : { ports: Object.fromEntries(ports.map((one) => [one.name, one.port])) }),
          tags,
          status,
          ...(unconfirmed ? { restored: true } : {}),
        })),
    },
  });
  const formatters = { member, service };
  return {
    formatChange: ({ kind, name }) => (wanted.has(kind) ? formatters[kind](name) : undefined),
    *formatSnapshot() {
      if (wanted.has('member')) for (const { name } of view.members()) yield member(name);
      if (wanted.has('service'))
        for (const name of view.catalog.services().keys()) yield service(name.toLowerCase());
    },
  };
}

/** The address of a member or an external node; `''` if it is not known. */
const addressOf = (view: View, node: string): string =>
  view.catalog.externalNode(node)?.address ?? view.member(node)?.address.host ?? '';
