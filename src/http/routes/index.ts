/** All routes, one line per file. Order does not matter: the router prefers literal segments to parameters. */
import { type Route, route } from '../endpoint/route.ts';
import { any, recordOf } from '../endpoint/schema.ts';
import * as agent from './consul/agent.ts';
import * as agentChecks from './consul/agent-checks.ts';
import * as agentHealth from './consul/agent-health.ts';
import * as agentMonitor from './consul/agent-monitor.ts';
import * as agentServices from './consul/agent-services.ts';
import * as catalog from './consul/catalog.ts';
import * as catalogWrites from './consul/catalog-writes.ts';
import * as coordinates from './consul/coordinates.ts';
import * as event from './consul/event.ts';
import * as health from './consul/health.ts';
import * as mesh from './consul/mesh.ts';
import * as metrics from './consul/metrics.ts';
import * as operatorKeyring from './consul/operator-keyring.ts';
import * as status from './consul/status.ts';
import { UNSUPPORTED_ROUTES } from './consul/unsupported.ts';
import * as dashboard from './dashboard.ts';
import * as hearsayCluster from './hearsay/cluster.ts';
import * as hearsayEvents from './hearsay/events.ts';
import * as hearsayFindings from './hearsay/findings.ts';
import * as hearsayHealth from './hearsay/health.ts';
import * as httpSd from './hearsay/http-sd.ts';
import * as hearsayJobs from './hearsay/jobs.ts';
import * as hearsayLeases from './hearsay/leases.ts';
import * as hearsayPartitions from './hearsay/partitions.ts';
import * as hearsayQueries from './hearsay/queries.ts';
import * as hearsayRender from './hearsay/render.ts';
import * as hearsayServices from './hearsay/services.ts';
import * as hearsaySyncStatus from './hearsay/sync-status.ts';
import * as hearsayWhy from './hearsay/why.ts';

/** Describes all routes, itself included. */
const openapi = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/openapi.json',
  summary: 'This document',
  responseSchema: recordOf(any),
  handler: async ({ site }) => {
    const { createOpenApiDocument } = await import('../endpoint/openapi.ts');
    return createOpenApiDocument(ROUTES, site.info.version);
  },
});

export const ROUTES: readonly Route[] = [
  openapi,
  ...Object.values(dashboard),
  ...Object.values(agent),
  ...Object.values(agentServices),
  ...Object.values(agentChecks),
  ...Object.values(agentHealth),
  ...Object.values(agentMonitor),
  ...Object.values(catalog),
  ...Object.values(catalogWrites),
  ...Object.values(coordinates),
  ...Object.values(event),
  ...Object.values(health),
  ...Object.values(mesh),
  ...Object.values(operatorKeyring),
  ...Object.values(status),
  ...Object.values(hearsayCluster),
  ...Object.values(hearsayHealth),
  ...Object.values(hearsayFindings),
  ...Object.values(hearsayServices),
  ...Object.values(hearsayLeases),
  ...Object.values(hearsaySyncStatus),
  ...Object.values(hearsayJobs),
  ...Object.values(hearsayPartitions),
  ...Object.values(hearsayEvents),
  ...Object.values(metrics),
  ...Object.values(httpSd),
  ...Object.values(hearsayWhy),
  ...Object.values(hearsayQueries),
  ...Object.values(hearsayRender),
  ...UNSUPPORTED_ROUTES,
];
