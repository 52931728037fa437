/** The catalog of an agent that starts: what its own ledger begins with, and whose ledgers it takes. */
import type { Rng } from '../../base/rng.ts';
import { Catalog } from '../../catalog/catalog.ts';
import { EPOCHS_PER_MS, firstEpoch, LATEST_PLAUSIBLE_EPOCH } from '../../catalog/doubts.ts';
import type { CatalogOptions } from '../../catalog/options.ts';
import { hasCatalog } from '../../model/capability.ts';
import type { SerfView } from '../../serf/types.ts';
import type { AgentOptions } from '../contract/options.ts';

interface Surroundings {
  readonly serf: SerfView;
  readonly rng: Rng;
  /** The ledgers of others from before the restart. */
  readonly restored: CatalogOptions['snapshot'];
}

export function createCatalog(
  { name, startedAt, snapshot, retention, internEntries }: AgentOptions,
  { serf, rng, restored }: Surroundings,
): Catalog {
  return new Catalog({
    owner: name,
    // Two starts within one millisecond still begin two epochs.
    epoch: firstEpoch(startedAt * EPOCHS_PER_MS + rng.int(EPOCHS_PER_MS), snapshot?.epoch ?? 0, 1),
    ...(restored === undefined ? {} : { snapshot: restored }),
    ...(internEntries === undefined ? {} : { intern: internEntries }),
    tombstoneTtl: retention?.tombstones,
    latestEpoch: LATEST_PLAUSIBLE_EPOCH,
    canAnswer: (node) => serf.get(node)?.status === 'alive',
    canOwn: (node) => {
      const member = serf.get(node);
      return member !== undefined && member.status !== 'left' && hasCatalog(member.tags);
    },
  });
}
