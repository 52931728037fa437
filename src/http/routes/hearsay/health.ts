/** `/v1/hearsay/health`: how this agent is, and what it holds of the others. For people; nothing is decided by it. */

import { route } from '../../endpoint/route.ts';
import { any, arrayOf, nullable, number, object, recordOf, string } from '../../endpoint/schema.ts';
import { toPartitionSummaryJson } from '../../hearsay/partition-summary.ts';

/** `GET /v1/hearsay/health`: own health score, what does not work as configured, and who is missing and why. */
export const hearsayHealth = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/health',
  summary: 'How this agent is, who is missing, and whether that looks like deaths or a partition',
  responseSchema: object({ awareness: number, degraded: arrayOf(string), partitionSummary: recordOf(any) }),
  handler: ({ view, site }) => ({
    awareness: view.health().awareness,
    degraded: site.info.degraded(),
    partitionSummary: toPartitionSummaryJson(view.partitionSummary(), site),
  }),
});

/** `GET /v1/hearsay/warnings`: what the log warned of in the last hour, equal warnings together, the latest first. */
export const hearsayWarnings = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/warnings',
  summary: 'What this agent warned of in the last hour',
  responseSchema: arrayOf(
    object({
      ...{ component: string, kind: string, message: string, fields: recordOf(any) },
      ...{ count: number, firstAgoMs: number, lastAgoMs: number },
    }),
  ),
  handler: ({ site }) => site.info.warnings(),
});

/** `GET /v1/hearsay/containers`: the container engines that are followed, and which containers are not registered, and why. */
export const hearsayContainers = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/hearsay/containers',
  summary: 'The container engines that this agent follows, and the containers that it refuses',
  responseSchema: arrayOf(
    object({
      ...{ engine: string, away: nullable(string), containers: number, refusals: number },
      refused: arrayOf(object({ container: string, reason: string })),
    }),
  ),
  handler: ({ site }) => site.info.containers(),
});
