/** `/v1/hearsay/sync-status`: which agents serve what this cluster has of a service or a node. Field names are a contract. */
import type { SyncSubject } from '../../../agent/contract/sync-status.ts';
import type { View } from '../../../agent/contract/view.ts';
import type { Millis } from '../../../base/time.ts';
import { durationParam, flagParam, textParam } from '../../endpoint/query.ts';
import { route } from '../../endpoint/route.ts';
import { followSyncStatus, SYNC_STATUS_SCHEMA } from '../../hearsay/sync-status.ts';

const DEFAULT_WAIT: Millis = 2000;

/**
 * `GET /v1/hearsay/sync-status`: do all agents serve all that this one has published? With a name, what this one knows of that
 * service, or else of that node; with `id`, one instance of this agent. The answer comes when they do, or after `wait`.
 */
export const hearsaySyncStatus = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/sync-status/:name...',
  summary: 'Which agents serve the present state of a service or a node, and which do not yet',
  query: { wait: durationParam, id: textParam, node: flagParam },
  responseSchema: SYNC_STATUS_SCHEMA,
  handler: ({ params: { name }, query: { wait = DEFAULT_WAIT, id, node }, site, view, onDisconnect }) =>
    followSyncStatus(
      site,
      id === '' ? findSubject(view, name, node) : { kind: 'instance', id },
      wait,
      onDisconnect,
    ),
});

function findSubject(view: View, name: string, isNode: boolean): SyncSubject {
  if (name === '') return { kind: 'node', node: view.node };
  if (!isNode && view.catalog.instances(name).length > 0) return { kind: 'service', service: name };
  return { kind: 'node', node: view.member(name)?.name ?? name };
}
