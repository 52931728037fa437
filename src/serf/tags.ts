/** Tags: key-value pairs that a member sets about itself. They travel in its node meta, encoded by wire/. */
import { AgentError } from '../base/errors.ts';
import type { Identity } from '../swim/types.ts';
import { MAX_META_BYTES } from '../wire/memberlist.ts';
import { decodeTags, encodeTags } from '../wire/serf.ts';

/** Encodes tags as node meta. Throws `AgentError('tooLarge')`. */
export function metaFromTags(tags: ReadonlyMap<string, string>): Uint8Array {
  const meta = encodeTags(tags);
  if (meta.length > MAX_META_BYTES)
    throw new AgentError(
      'tooLarge',
      `the tags take ${meta.length} bytes encoded, and at most ${MAX_META_BYTES} are allowed: remove or shorten some`,
    );
  return meta;
}

export const encodedTagsFit = (tags: ReadonlyMap<string, string>): boolean =>
  encodeTags(tags).length <= MAX_META_BYTES;

/** Tags after removing `remove` and then setting `set`. */
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

/** A cache: identities are immutable, and simulations share them between agents. */
const decoded = new WeakMap<Identity, ReadonlyMap<string, string>>();

export function tagsFromIdentity(identity: Identity): ReadonlyMap<string, string> {
  let tags = decoded.get(identity);
  if (tags === undefined) {
    tags = decodeTags(identity.meta);
    decoded.set(identity, tags);
  }
  return tags;
}
