/** What the disk keeps of all ledgers: how far our own goes, and the copies of the others'. */
import { encodeCatalogSnapshot } from '../wire/catalog.ts';
import { deltaSince } from './ledger.ts';
import type { Replica } from './replica.ts';

/** Empty ledgers are left out. `decodeCatalogSnapshot` reads it. */
export function encodeLedgers(own: Replica, replicas: Iterable<Replica>): Uint8Array {
  const { owner, epoch, version } = own;
  const ledgers = [...replicas].flatMap((replica) =>
    replica === own || replica.version === 0 ? [] : (deltaSince(replica, undefined) ?? []),
  );
  return encodeCatalogSnapshot({ owner, epoch, version, ledgers });
}
