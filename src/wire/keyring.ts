/** The gossip keys of one agent, and how often the primary was used. The keyring file is the shell's. */
import { sameBytes } from '../base/bytes.ts';
import { AgentError } from '../base/errors.ts';
import { fingerprint } from './crypt.ts';

/** Each key is tried on each packet. A rotation needs two. */
export const MAX_KEYRING_KEYS = 64;

/** One difference between two keyrings. `use`: the key became the primary. */
export interface KeyringChange {
  readonly key: Uint8Array;
  readonly change: 'install' | 'use' | 'remove';
}

/**
 * Primary first. An empty keyring stays empty and another never becomes empty: encryption cannot be turned on or off
 * while the agent runs.
 *
 * Source: memberlist keyring.go.
 */
export class Keyring {
  #keys: readonly Uint8Array[];
  #seals = 0;

  constructor(keys: readonly Uint8Array[]) {
    this.#keys = keys;
  }

  get keys(): readonly Uint8Array[] {
    return this.#keys;
  }

  get primary(): Uint8Array | undefined {
    return this.#keys[0];
  }

  /** Messages sealed with the present primary, since this process made it primary. */
  get seals(): number {
    return this.#seals;
  }

  /** Called once for each message that is sealed. */
  recordSeal(): void {
    this.#seals += 1;
  }

  has(key: Uint8Array): boolean {
    return this.#keys.some((known) => sameBytes(known, key));
  }

  /** From now on `key` decrypts, too. False: it was installed already. Throws `AgentError`; then nothing changed. */
  install(key: Uint8Array): boolean {
    this.#require(key.length === 16 || key.length === 24 || key.length === 32, WRONG_SIZE);
    this.#require(this.#keys.length > 0, NO_KEYRING);
    if (this.has(key)) return false;
    this.#require(
      this.#keys.length < MAX_KEYRING_KEYS,
      `The keyring is full (${MAX_KEYRING_KEYS} keys): remove old keys first`,
    );
    this.#keys = [...this.#keys, key];
    return true;
  }

  /** Makes an installed `key` the primary, which encrypts. False: it was primary already. Throws as `install`. */
  use(key: Uint8Array): boolean {
    this.#require(this.has(key), `Key ${fingerprint(key)} is not in the keyring: install it first`);
    if (sameBytes(this.#keys[0] as Uint8Array, key)) return false;
    this.#keys = [key, ...this.#keys.filter((known) => !sameBytes(known, key))];
    this.#seals = 0;
    return true;
  }

  /** From now on `key` does not decrypt any more. False: it was not installed. Throws as `install`, for the primary. */
  remove(key: Uint8Array): boolean {
    const primary = this.#keys[0];
    this.#require(primary !== undefined, NO_KEYRING);
    this.#require(
      !sameBytes(primary as Uint8Array, key),
      `Key ${fingerprint(key)} is the primary and cannot be removed: make another key primary first`,
    );
    if (!this.has(key)) return false;
    this.#keys = this.#keys.filter((known) => !sameBytes(known, key));
    return true;
  }

  /** Takes over exactly these keys, the primary first, and returns what that changed. Throws as `install`. */
  replace(keys: readonly Uint8Array[]): readonly KeyringChange[] {
    this.assertReplaceable(keys);
    const [primary] = this.#keys;
    // A key that stays is the same object: who counts what a key has encrypted knows it by that.
    const next = keys.map((key) => this.#keys.find((known) => sameBytes(known, key)) ?? key);
    const changes: KeyringChange[] = [];
    for (const key of next) if (!this.#keys.includes(key)) changes.push({ key, change: 'install' });
    if (next[0] !== primary) changes.push({ key: next[0] as Uint8Array, change: 'use' });
    for (const key of this.#keys) if (!next.includes(key)) changes.push({ key, change: 'remove' });
    if (next[0] !== primary) this.#seals = 0;
    this.#keys = next;
    return changes;
  }

  /** Throws `AgentError` if `replace` would. */
  assertReplaceable(keys: readonly Uint8Array[]): void {
    this.#require(this.#keys.length > 0, NO_KEYRING);
    this.#require(keys.length > 0 && keys.length <= MAX_KEYRING_KEYS, WRONG_NUMBER);
  }

  #require(condition: boolean, sentence: string): void {
    if (!condition) throw new AgentError('conflict', sentence);
  }
}

const WRONG_NUMBER = `A keyring must have 1 to ${MAX_KEYRING_KEYS} keys`;
const WRONG_SIZE = 'A key must have 16, 24 or 32 bytes';
/** In the words of Serf's agent, since operators search for them. */
export const NO_KEYRING = 'No keyring to modify (encryption not enabled)';
