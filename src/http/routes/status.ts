/** `/v1/status`: there is no leader, but programs take an empty answer for an outage. */
import type { View } from '../../agent/types.ts';
import { joinHostPort } from '../../base/address.ts';
import { route } from '../route.ts';

/** Consul's server port: a label only, no client connects to it. */
const SERVER_PORT = 8300;

/** `GET /v1/status/leader`: ourselves, as everybody answers for itself. Source: http.md section 11. */
export const statusLeader = route({
  method: 'GET',
  path: '/v1/status/leader',
  answer: ({ view }) => ownServer(view),
});

/** `GET /v1/status/peers`: ourselves, never empty. Source: http.md section 11. */
export const statusPeers = route({
  method: 'GET',
  path: '/v1/status/peers',
  answer: ({ view }) => [ownServer(view)],
});

const ownServer = (view: View): string => joinHostPort(view.address.host, SERVER_PORT);
