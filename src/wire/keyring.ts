/** The gossip keys of one agent: which there are, which one seals, and how often it did. Files are the shell's. */
import { sameBytes } from '../base/bytes.ts';
import { AgentError } from '../base/errors.ts';
import { fingerprint } from './crypt.ts';

/** Each is tried on each packet: more than any rotation needs. */
export const MAX_KEYRING_KEYS = 64;

/**
 * Primary first. Never becomes empty, and never stops being so: encryption is not switched on or off while it runs.
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

  /** What the primary sealed since it became that, in this process. */
  get seals(): number {
    return this.#seals;
  }

  /** Called once for each message that is sealed. */
  recordSeal(): void {
    this.#seals += 1;
  }

  has(key: Uint8Array): boolean {
    return this.#keys.some((held) => sameBytes(held, key));
  }

  /** From now on `key` opens what comes. False: it was there. Throws `AgentError`; then nothing changed. */
  install(key: Uint8Array): boolean {
    this.#require(key.length === 16 || key.length === 24 || key.length === 32, WRONG_SIZE);
    this.#require(this.#keys.length > 0, NO_KEYRING);
    if (this.has(key)) return false;
    this.#require(
      this.#keys.length < MAX_KEYRING_KEYS,
      `The keyring is full (${MAX_KEYRING_KEYS} keys): remove old ones`,
    );
    this.#keys = [...this.#keys, key];
    return true;
  }

  /** From now on `key`, which must be there, seals what we say. False: it did. Throws as `install`. */
  use(key: Uint8Array): boolean {
    this.#require(this.has(key), `Key ${fingerprint(key)} is not in the keyring: install it first`);
    if (sameBytes(this.#keys[0] as Uint8Array, key)) return false;
    this.#keys = [key, ...this.#keys.filter((held) => !sameBytes(held, key))];
    this.#seals = 0;
    return true;
  }

  /** `key` opens nothing any more. False: it was not there. Throws as `install`, for the primary. */
  remove(key: Uint8Array): boolean {
    const primary = this.#keys[0];
    this.#require(primary !== undefined, NO_KEYRING);
    this.#require(
      !sameBytes(primary as Uint8Array, key),
      `Key ${fingerprint(key)} is the primary one and cannot be removed: use another first`,
    );
    if (!this.has(key)) return false;
    this.#keys = this.#keys.filter((held) => !sameBytes(held, key));
    return true;
  }

  #require(good: boolean, sentence: string): void {
    if (!good) throw new AgentError('conflict', sentence);
  }
}

const WRONG_SIZE = 'A key must have 16, 24 or 32 bytes';
/** Word for word what real agents say: people search for it. */
export const NO_KEYRING = 'No keyring to modify (encryption not enabled)';
