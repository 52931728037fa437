/** What `hearsay sync` keeps in step with the catalog: backends of a proxy, a file. One follower of the event stream drives all kinds. */
import type { SyncRow } from './desired.ts';

export interface SyncTarget {
  /** The instances of a service, in any status; its name in lower case. */
  update(service: string, rows: readonly SyncRow[]): void;
  /** One pass. Resolves to whether all is as it should be. Rejects when the target is away. */
  apply(): Promise<boolean>;
}
