/** Which gossip keys an agent starts with: those that are configured, or those that its last run stored. */
import { sameBytes } from '../../base/bytes.ts';
import { fingerprint } from '../../wire/crypt.ts';

/** The keyring of a data directory. */
export interface StoredKeyring {
  /** At least one, the primary first. */
  readonly keys: readonly Uint8Array[];
  /** Fingerprints of the keys that were configured when it was stored, in their order. */
  readonly configured: readonly string[];
}

/** `key`: one key, of `HEARSAY_GOSSIP_KEY`. `keyring`: the contents of a keyring file. */
export interface ConfiguredKeys {
  readonly kind: 'key' | 'keyring';
  /** At least one, the primary first. */
  readonly keys: readonly Uint8Array[];
}

export interface RestoredKeys {
  /** What the agent starts with. It is to be stored, unless it is the stored one itself. */
  readonly keyring: StoredKeyring;
  /** `outdated`: the configured primary key was rotated away. `replaced`: the stored keys are given up. */
  readonly conflict?: 'outdated' | 'replaced';
}

/**
 * What is configured starts the keyring; key operations change it from then on, so the stored keys win as long as the
 * configuration is the same. One that has changed is the operator's later word, and wins: a keyring as it is, and a key
 * unless it is among the stored ones already.
 */
export function restoreKeys(
  configured: ConfiguredKeys | undefined,
  stored: StoredKeyring | undefined,
): RestoredKeys | undefined {
  if (configured === undefined) return stored === undefined ? undefined : { keyring: stored };
  const names = configured.keys.map(fingerprint);
  const fresh: StoredKeyring = { keys: configured.keys, configured: names };
  if (stored === undefined) return { keyring: fresh };
  const primary = configured.keys[0];
  const hasPrimary = stored.keys.some((key) => primary !== undefined && sameBytes(key, primary));
  const isUnchanged = names.join() === stored.configured.join();
  if (isUnchanged || (configured.kind === 'key' && hasPrimary)) {
    const keyring = isUnchanged ? stored : { keys: stored.keys, configured: names };
    return hasPrimary ? { keyring } : { keyring, conflict: 'outdated' };
  }
  const isSame = names.join() === stored.keys.map(fingerprint).join();
  return isSame ? { keyring: fresh } : { keyring: fresh, conflict: 'replaced' };
}
