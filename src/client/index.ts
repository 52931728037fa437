/** `hearsay/client`: registers this process with the agent of its host, and finds the instances of other services. */
import type { ConnectOptions } from './connection.ts';
import { HearsayClient } from './hearsay-client.ts';

/** Never throws and never waits: while no agent answers, the client tries again. */
export const connect = (options: ConnectOptions = {}): HearsayClient => new HearsayClient(options);

export { type ClientLogger, type ConnectOptions, RefusedError } from './connection.ts';
export {
  type DiscoveredService,
  type DiscoverOptions,
  type InstancesChange,
  NoInstanceError,
  type PickOptions,
} from './discovered-service.ts';
export type { DispatcherOptions, ServiceDispatcher } from './dispatcher.ts';
export type { EveryOptions, ScheduledCallback, TickCallback, TickRun } from './every.ts';
export type { HearsayClient } from './hearsay-client.ts';
export type { HttpAgentOptions } from './http-agent.ts';
export type { DiscoveredInstance } from './instance.ts';
export type { LeaseOptions, ServiceLease } from './lease/lease.ts';
export type { HeldPartition, PartitionHandler, PartitionWorker } from './lease/partitions.ts';
