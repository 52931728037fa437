/**
 * Interning: a whole world keeps one copy of each identity, and of each owner's entries, so that a thousand tables of a
 * thousand rows share a thousand identities. Only equal values are shared, so sharing hides no difference.
 */

import { sameBytes } from '../../base/bytes.ts';
import type { Intern } from '../../catalog/options.ts';
import { samePublished as sameValue } from '../../catalog/values.ts';
import type { Entry, EntryKey } from '../../model/service.ts';
import type { Identity } from '../../swim/types.ts';

/** Identities kept for one name: the current one, and earlier ones that are still in circulation. */
const KEPT_PER_NAME = 4;

export function createIdentityInterner(): (identity: Identity) => Identity {
  const byName = new Map<string, Identity[]>();
  return (identity) => {
    let known = byName.get(identity.name);
    if (known === undefined) {
      known = [];
      byName.set(identity.name, known);
    }
    for (const one of known) if (sameIdentity(one, identity)) return one;
    known.unshift(identity);
    if (known.length > KEPT_PER_NAME) known.pop();
    return identity;
  };
}

const sameIdentity = (a: Identity, b: Identity): boolean =>
  a.address.key === b.address.key && sameBytes(a.meta, b.meta) && sameBytes(a.vsn, b.vsn);

type Entries = ReadonlyMap<EntryKey, Entry>;

/** States kept for one owner: copies lag behind one another by a few versions. */
const KEPT_PER_OWNER = 4;

export function createEntryInterner(): Intern {
  const byOwner = new Map<string, Entries[]>();
  return ({ owner }, entries) => {
    let known = byOwner.get(owner);
    if (known === undefined) {
      known = [];
      byOwner.set(owner, known);
    }
    for (const one of known) if (one === entries || sameEntries(one, entries)) return one;
    known.unshift(entries);
    if (known.length > KEPT_PER_OWNER) known.pop();
    return entries;
  };
}

function sameEntries(a: Entries, b: Entries): boolean {
  if (a.size !== b.size) return false;
  for (const [key, one] of a) {
    const other = b.get(key);
    if (other === undefined || other.version !== one.version) return false;
    if (other.value === one.value) continue;
    if (other.value === undefined || one.value === undefined || !sameValue(one.value, other.value))
      return false;
  }
  return true;
}
