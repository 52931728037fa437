/** `/v1/hearsay/lease`: registrations that end with their connection. Field names are a contract. */
import { randomUUID } from 'node:crypto';
import type { View } from '../../../agent/contract/view.ts';
import { type FieldNote, parseService, type Registration } from '../../../checks/definition/definition.ts';
import { unknownLeaseError } from '../../../checks/definition/refusals.ts';
import { DEFAULT_GRACE } from '../../../checks/lease-rules.ts';
import { formatDuration } from '../../../config/setting.ts';
import { rejectScriptCheck, warnOfDeniedCheck, warnOfTakenCheck } from '../../consul/requirements.ts';
import { SERVICE_DEFINITION_SCHEMA } from '../../consul/schemas.ts';
import { parseJson } from '../../endpoint/body.ts';
import { durationParam, textParam } from '../../endpoint/query.ts';
import { StreamReply } from '../../endpoint/reply/reply.ts';
import { route, type WriteContext } from '../../endpoint/route.ts';
import { arrayOf, boolean, object, string } from '../../endpoint/schema.ts';
import type { Site } from '../../endpoint/site.ts';
import { createLeaseStream } from '../../endpoint/streams/lease-stream.ts';
import { followSyncStatus, SYNC_STATUS_SCHEMA } from '../../hearsay/sync-status.ts';
import { requireValue } from '../../pool/selectors.ts';

/**
 * `PUT /v1/hearsay/lease?grace=10s&lease=ID`: registers a service, or a list of services of one process, for as long as this
 * request is open. The answer begins when readers of this agent can see them.
 */
export const hearsayLease = route({
  method: 'PUT',
  scope: 'register',
  path: '/v1/hearsay/lease',
  summary: 'Register services for as long as this request is open',
  query: { grace: durationParam, lease: textParam },
  requestSchema: SERVICE_DEFINITION_SCHEMA,
  body: parseJson,
  handler: async ({ body, query, site, view, change, warn, onDisconnect }) => {
    const registrations = (Array.isArray(body) ? body : [body]).map((one) =>
      readService(one, site, view, warn),
    );
    site.blockingQueries.requireRoom();
    const lease = query.lease === '' ? randomUUID() : query.lease;
    const holder = randomUUID();
    await change({ kind: 'holdLease', lease, holder, grace: query.grace ?? DEFAULT_GRACE, registrations });
    onDisconnect(() => {
      if (site.blockingQueries.closed) return; // it is the agent that goes, not the process
      site.agent.execute({ kind: 'closeLease', lease, holder }).catch(() => undefined); // it is stopping
    });
    const stream = createLeaseStream({
      ...{ lease, onDisconnect, blockingQueries: site.blockingQueries },
      services: registrations.map(({ service }) => service.id),
      explainEnd: () => explainEnd(view, lease, holder),
    });
    return new StreamReply(stream, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
  },
});

/**
 * `DELETE /v1/hearsay/lease/:id`: the process ends, and its services go at once. With `reason` they stay for the grace,
 * critical, so that `why` can tell how it ended. With `wait` the answer comes when every agent serves that, or after that time.
 */
export const hearsayLeaseRelease = route({
  method: 'DELETE',
  scope: 'register',
  path: '/v1/hearsay/lease/:id',
  summary: 'End a lease: at once, or with a reason that is shown for the grace',
  query: { reason: textParam, wait: durationParam },
  responseSchema: SYNC_STATUS_SCHEMA,
  handler: async ({ params, query: { reason, wait }, site, view, change, onDisconnect }) => {
    const lease = requireValue(params.id, 'lease ID');
    if (!view.local.leases().has(lease)) throw unknownLeaseError(lease);
    await change({ kind: 'releaseLease', lease, reason: reason.slice(0, MAX_REASON_CHARS) });
    if (wait === undefined) return undefined;
    return followSyncStatus(site, { kind: 'node', node: view.node }, wait, onDisconnect);
  },
});

/** What is gossiped of a check's output, less the sentence around it. */
const MAX_REASON_CHARS = 200;

/** `GET /v1/hearsay/leases`: the leases of this agent. */
export const hearsayLeases = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/leases',
  summary: 'The leases of this agent, and whether their processes hold them',
  responseSchema: arrayOf(
    object({ lease: string, services: arrayOf(string), held: boolean, grace: string, reason: string }),
  ),
  handler: ({ view }) =>
    [...view.local.leases().values()].map(({ id, services, holder, grace, reason }) => ({
      ...{ lease: id, services, held: holder !== undefined, grace: formatDuration(grace), reason },
    })),
});

function readService(value: unknown, site: Site, view: View, warn: WriteContext['warn']): Registration {
  const onNote = ({ message }: FieldNote): void => warn(message);
  const registration = parseService(value, { node: view.node, onNote });
  const { checks } = registration;
  checks.forEach(rejectScriptCheck);
  warnOfTakenCheck(view.local, checks, warn);
  warnOfDeniedCheck(site, checks, warn);
  return registration;
}

/** Said in the last line of an answer: the client must not come back by itself. */
function explainEnd(view: View, lease: string, holder: string): string | undefined {
  const held = view.local.leases().get(lease);
  if (held === undefined) return 'its services were deregistered';
  if (held.holder === holder) return undefined;
  return held.holder === undefined ? held.reason : 'another connection holds it';
}
