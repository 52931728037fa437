/** `/v1/hearsay/events`: everything a reader can see, as it changes. Field names are a contract. */
import type { Changed } from '../../../agent/contract/view.ts';
import { AgentError } from '../../../base/errors.ts';
import { eventStream, type SentEvent, type Teller } from '../../endpoint/event-stream.ts';
import { list } from '../../endpoint/query.ts';
import { StreamReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import type { Site } from '../../endpoint/site.ts';
import { memberRow } from '../../hearsay/members.ts';

const KINDS: ReadonlySet<string> = new Set<Changed['kind']>(['member', 'service']);

/**
 * `GET /v1/hearsay/events?type=member&type=service`: server-sent events. First everything there is, between `resync`
 * and `synced`; then the new state of whatever changes. With `Last-Event-ID` only what changed since then, or, if that
 * is too long ago, everything again.
 */
export const hearsayEvents = route({
  method: 'GET',
  path: '/v1/hearsay/events',
  summary: 'Server-sent events: everything a reader can see, then each change',
  query: { type: list },
  answer: ({ query, site, header, gone }) => {
    const unknown = query.type.find((type) => !KINDS.has(type));
    if (unknown !== undefined)
      throw new AgentError('badRequest', `Invalid type "${unknown}": use ${[...KINDS].join(', ')}`);
    const wanted = new Set(query.type.length === 0 ? KINDS : query.type);
    const stream = eventStream(site, teller(site, wanted), lastSeen(header('last-event-id')), gone);
    return new StreamReply(stream, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  },
});

/** What is not a number of ours is as good as none: everything is told. */
function lastSeen(id: string | undefined): number | undefined {
  return id !== undefined && /^\d{1,16}$/.test(id) ? Number(id) : undefined;
}

function teller(site: Site, wanted: ReadonlySet<string>): Teller {
  const { view } = site.door;
  const member = (name: string): SentEvent => {
    const found = view.members().find((one) => one.name === name);
    return { event: 'member', data: found === undefined ? { name, status: 'gone' } : memberRow(found, site) };
  };
  const service = (name: string): SentEvent => ({
    event: 'service',
    data: {
      service: name,
      instances: view.catalog.instances(name).map(({ node, service: of, status }) => ({
        node,
        id: of.id,
        address: of.address === '' ? (view.member(node)?.address.host ?? '') : of.address,
        port: of.port,
        tags: of.tags,
        status,
      })),
    },
  });
  const tell = { member, service };
  return {
    tell: ({ kind, name }) => (wanted.has(kind) ? tell[kind](name) : undefined),
    *everything() {
      if (wanted.has('member')) for (const { name } of view.members()) yield member(name);
      if (wanted.has('service'))
        for (const name of view.catalog.services().keys()) yield service(name.toLowerCase());
    },
  };
}
