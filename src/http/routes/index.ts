/** Every route there is, one line per noun. Order does not matter: app.ts puts fixed words before parameters. */
import { openApi } from '../openapi.ts';
import { Reply } from '../reply.ts';
import { type Route, route } from '../route.ts';
import { any, map } from '../schema/kinds.ts';
import * as agent from './agent.ts';
import * as agentChecks from './agent-checks.ts';
import * as agentHealth from './agent-health.ts';
import * as agentMonitor from './agent-monitor.ts';
import * as agentServices from './agent-services.ts';
import * as catalog from './catalog.ts';
import * as catalogWrites from './catalog-writes.ts';
import * as coordinates from './coordinates.ts';
import * as event from './event.ts';
import * as events from './events.ts';
import * as health from './health.ts';
import * as hearsay from './hearsay.ts';
import * as hearsayHealth from './hearsay-health.ts';
import * as hearsayServices from './hearsay-services.ts';
import * as hearsayTalk from './hearsay-talk.ts';
import * as hearsayWhy from './hearsay-why.ts';
import * as metrics from './metrics.ts';
import * as prometheus from './prometheus.ts';
import { REFUSED } from './refused.ts';
import * as status from './status.ts';

/** `GET /`: load balancers probe it. Source: http.md T11. */
const banner = route({
  method: 'GET',
  path: '/',
  summary: 'A banner',
  answer: () => new Reply(200, 'hearsay agent', { 'Content-Type': 'text/plain; charset=utf-8' }),
});

/** Of all routes, itself included. */
const openapi = route({
  method: 'GET',
  path: '/v1/openapi.json',
  summary: 'This document',
  shows: map(any),
  answer: ({ site }) => openApi(ROUTES, site.info.version),
});

export const ROUTES: readonly Route[] = [
  banner,
  openapi,
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
  ...Object.values(status),
  ...Object.values(hearsay),
  ...Object.values(hearsayHealth),
  ...Object.values(hearsayServices),
  ...Object.values(events),
  ...Object.values(metrics),
  ...Object.values(prometheus),
  ...Object.values(hearsayWhy),
  ...Object.values(hearsayTalk),
  ...REFUSED,
];
