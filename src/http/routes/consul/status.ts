/** `/v1/status`: there is no leader, but clients treat an empty reply as an outage, so each agent names itself. */
import type { View } from '../../../agent/contract/view.ts';
import { CONSUL_SERVER_PORT } from '../../../agent/readers/self-service.ts';
import { joinHostPort } from '../../../base/address.ts';
import { route } from '../../endpoint/route.ts';
import { string, strings } from '../../endpoint/schema.ts';

/** `GET /v1/status/leader`. Source: Consul HTTP API, "Get Raft Leader". */
export const statusLeader = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/status/leader',
  summary: 'This agent (there is no leader)',
  responseSchema: string,
  handler: ({ view }) => selfServer(view),
});

/** `GET /v1/status/peers`. Source: Consul HTTP API, "List Raft Peers". */
export const statusPeers = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/status/peers',
  summary: 'This agent, never an empty list',
  responseSchema: strings,
  handler: ({ view }) => [selfServer(view)],
});

const selfServer = (view: View): string => joinHostPort(view.address.host, CONSUL_SERVER_PORT);
