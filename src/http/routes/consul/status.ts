/** `/v1/status`: there is no leader, but programs take an empty answer for an outage. */
import type { View } from '../../../agent/contract/view.ts';
import { joinHostPort } from '../../../base/address.ts';
import { route } from '../../endpoint/route.ts';
import { string, strings } from '../../endpoint/schema.ts';

/** Consul's server port: a label only, no client connects to it. */
const SERVER_PORT = 8300;

/** `GET /v1/status/leader`: ourselves, as everybody answers for itself. Source: Consul HTTP API, "Get Raft Leader". */
export const statusLeader = route({
  method: 'GET',
  path: '/v1/status/leader',
  summary: 'This agent, as everybody answers for itself',
  responseSchema: string,
  handler: ({ view }) => ownServer(view),
});

/** `GET /v1/status/peers`: ourselves, never empty. Source: Consul HTTP API, "List Raft Peers". */
export const statusPeers = route({
  method: 'GET',
  path: '/v1/status/peers',
  summary: 'This agent, never an empty list',
  responseSchema: strings,
  handler: ({ view }) => [ownServer(view)],
});

const ownServer = (view: View): string => joinHostPort(view.address.host, SERVER_PORT);
