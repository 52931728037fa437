/** `hearsay/testing`: what it exports. */
export type { VirtualClient, VirtualLease, VirtualService } from './virtual-client.ts';
export {
  createCluster,
  type VirtualCluster,
  type VirtualClusterOptions,
} from './virtual-cluster.ts';
