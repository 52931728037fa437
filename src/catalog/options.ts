/** What a catalog is created with. */
import type { Millis } from '../base/time.ts';
import type { Entry, EntryKey } from '../model/service.ts';
import type { CatalogSnapshot } from '../wire/catalog.ts';

export interface CatalogOptions {
  /** This agent's name. */
  readonly owner: string;
  /** The epoch to start with (A3); raised above the snapshot's if it is not. */
  readonly epoch: number;
  readonly snapshot?: CatalogSnapshot;
  /** Ledgers are kept of these members only. */
  readonly canOwn: (name: string) => boolean;
  /** Owners that can be asked now, and are where they are contested; none if absent. */
  readonly canAnswer?: (name: string) => boolean;
  /** Later epochs are believed of their owners only; absent: any epoch is believed of anybody. */
  readonly latestEpoch?: number;
  /** How long tombstones are kept; an hour if absent. */
  readonly tombstoneTtl?: Millis | undefined;
  /** Lets the agents of one process share equal maps: returns the map known for this state, or stores this one. */
  readonly intern?: Intern;
}

export type Intern = (
  state: { readonly owner: string; readonly epoch: number; readonly version: number; readonly swept: number },
  entries: ReadonlyMap<EntryKey, Entry>,
) => ReadonlyMap<EntryKey, Entry>;
