/**
 * An instance of two services, as a user would write it: HTTP and gRPC, each registered by lease. At SIGTERM both are drained.
 * Usage: node test/rolling/instance.js AGENT IP ID
 */
import { createServer } from 'node:http';
import * as grpc from '@grpc/grpc-js';
import { connect } from '../../dist/client/index.js';
import { WHO } from './method.js';

const [agent, ip, id] = process.argv.slice(2);
const hearsay = connect({ http: agent });

const server = createServer((incoming, outgoing) => {
  incoming.resume();
  incoming.on('end', () => outgoing.end(id));
}).listen(0, ip);

const grpcServer = new grpc.Server();
grpcServer.addService({ who: WHO }, { who: (_, reply) => reply(null, id) });
const port = await new Promise((resolve, reject) =>
  grpcServer.bindAsync(`${ip}:0`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
    error === null ? resolve(bound) : reject(error),
  ),
);

const options = { address: ip };
const leases = await Promise.all([
  hearsay.register({ ...options, name: 'web', id: `web-${id}`, server }),
  hearsay.register({ ...options, name: 'rpc', id: `rpc-${id}`, port }),
]);
process.on('SIGTERM', async () => {
  await Promise.all(leases.map((lease) => lease.drain()));
  await new Promise((resolve) => grpcServer.tryShutdown(resolve));
  process.exit(0);
});
console.log('ready');
