/** Tags, a member's few words about itself, within the limits of node meta. Their bytes are wire/'s business. */
import { AgentError } from '../base/errors.ts';
import type { Identity } from '../swim/types.ts';
import { MAX_META_BYTES } from '../wire/memberlist.ts';
import { decodeTags, encodeTags } from '../wire/serf.ts';

/** Tags as node meta. Throws `AgentError('tooLarge')`; then nothing may change. */
export function metaFromTags(tags: ReadonlyMap<string, string>): Uint8Array {
  const meta = encodeTags(tags);
  if (meta.length > MAX_META_BYTES)
    throw new AgentError(
      'tooLarge',
      `tags take ${meta.length} bytes encoded and ${MAX_META_BYTES} may stand: drop or shorten some`,
    );
  return meta;
}

/** `tags` without `remove`, then with `set`. */
export function updateTags(
  tags: ReadonlyMap<string, string>,
  set: ReadonlyMap<string, string>,
  remove: readonly string[],
): ReadonlyMap<string, string> {
  const out = new Map(tags);
  for (const key of remove) out.delete(key);
  for (const [key, value] of set) out.set(key, value);
  return out;
}

/** Identities never change, and worlds share them between members: each is decoded once. */
const decoded = new WeakMap<Identity, ReadonlyMap<string, string>>();

export function tagsFromIdentity(identity: Identity): ReadonlyMap<string, string> {
  let tags = decoded.get(identity);
  if (tags === undefined) {
    tags = decodeTags(identity.meta);
    decoded.set(identity, tags);
  }
  return tags;
}
