/**
 * Masks replace secrets in a recording by values that lead to the same decisions: of equal length, and equal exactly if
 * the secrets are. Gossip keys are always masked, payloads and texts only with redaction. `redact-inputs.ts` and
 * `redact-messages.ts` know where secrets stand.
 */
import { createHash } from 'node:crypto';
import { concatBytes, encodeUtf8, sameBytes } from '../base/bytes.ts';
import { formatKey, parseKey } from '../wire/crypt.ts';

export class Masker {
  /** Redaction: payloads and texts are masked too. */
  readonly redacts: boolean;
  readonly #salt: Uint8Array;
  /** Gossip keys seen so far. */
  readonly #keys: { readonly key: Uint8Array; readonly mask: Uint8Array }[] = [];

  /** `salt` has at least 16 random bytes and must not be used or stored anywhere else. */
  constructor(salt: Uint8Array, redacts: boolean) {
    this.#salt = salt;
    this.redacts = redacts;
  }

  maskKey(key: Uint8Array): Uint8Array {
    const known = this.#keys.find((entry) => sameBytes(entry.key, key));
    if (known !== undefined) return known.mask;
    const mask = this.#derive('key', key, key.length);
    if (this.#keys.length < MAX_KEYS && key.length > 0) this.#keys.push({ key: new Uint8Array(key), mask });
    return mask;
  }

  /** The mask of a key in base64. An invalid key becomes question marks, so that it stays invalid. */
  maskBase64Key(base64: string): string {
    if (base64 === '') return '';
    try {
      return formatKey(this.maskKey(parseKey(base64)));
    } catch {
      return '?'.repeat(base64.length);
    }
  }

  /** Do the bytes contain a key seen so far, raw or in base64? */
  containsKey(bytes: Uint8Array): boolean {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.#keys.some(({ key }) => text.includes(Buffer.from(key)) || text.includes(formatKey(key)));
  }

  /** Unchanged without redaction. */
  maskPayload(bytes: Uint8Array): Uint8Array {
    if (!this.redacts || bytes.length === 0) return bytes;
    return this.#derive('payload', bytes, bytes.length);
  }

  /**
   * Masks each character by one of equal length in UTF-8, and equal prefixes by equal prefixes: the agent truncates
   * texts, and the mask of a truncated text must be the truncated mask. Unchanged without redaction.
   */
  maskText(text: string): string {
    if (!this.redacts) return text;
    let [high, low, masked, before] = [0, 0, '', ''];
    for (const character of text) {
      // Only the seed of a block is a cryptographic hash. Guessing the walk inside one block reveals no other block.
      if (before.length % BLOCK === 0) [high, low] = this.#seedBlock(before);
      before += character;
      const point = character.codePointAt(0) as number;
      masked += substituteCharacter(point, high >>> 0, low >>> 0);
      high = Math.imul(high ^ point, 0x9e3779b1) ^ (low >>> 15);
      low = Math.imul((low ^ high) + 0x7f4a7c15, 0x85ebca6b) ^ (high >>> 13);
    }
    return masked;
  }

  /** The state at the start of a block, derived from all text before it. */
  #seedBlock(before: string): [number, number] {
    const seed = new DataView(this.#derive('text', encodeUtf8(before), 8).buffer);
    return [seed.getUint32(0), seed.getUint32(4)];
  }

  /** Salted hash of `length` bytes; `purpose` separates kinds of secrets. */
  #derive(purpose: string, bytes: Uint8Array, length: number): Uint8Array {
    const hash = createHash('shake256', { outputLength: Math.max(1, length) });
    const digest = hash.update(concatBytes([this.#salt, encodeUtf8(`${purpose}:`), bytes])).digest();
    return new Uint8Array(digest).slice(0, length);
  }
}

/** Characters per cryptographic hash. */
const BLOCK = 16;
/** Far more keys than a cluster rotates through during one recording. */
const MAX_KEYS = 1024;

/** What stands for printable ASCII characters; without these two, so that JSON stays valid. */
const PRINTABLE = Array.from({ length: 0x7f - 0x21 }, (_, i) => String.fromCharCode(0x21 + i)).filter(
  (character) => character !== '"' && character !== '\\',
);
const INDEX_OF = new Map(PRINTABLE.map((character, index) => [character.charCodeAt(0), index]));
/** The prime above their number. */
const PRIME = 97;

/**
 * A character of equal length in UTF-8, by two random numbers that depend on all before it. Blanks and newlines stay, which keeps
 * the shape of a text visible. Two printable ASCII characters never become the same one: an agent that sees a text change must see
 * its mask change, also where a counter goes from 1 to 2.
 */
function substituteCharacter(point: number, high: number, low: number): string {
  if (point === 0x20 || point === 0x0a) return String.fromCodePoint(point);
  const index = INDEX_OF.get(point);
  if (index !== undefined) return PRINTABLE[permute(index, high, low)] as string;
  const random = (high ^ low) >>> 0;
  if (point < 0x80) return String.fromCodePoint(0x61 + (random % 26));
  if (point < 0x800) return String.fromCodePoint(0x3b1 + ((random ^ point) & 15)); // Greek
  if (point < 0x1_0000) return String.fromCodePoint(0x4e00 + ((random ^ point) & 4095)); // Han
  return String.fromCodePoint(0x2_0000 + ((random ^ point) & 4095));
}

/** An affine permutation of the residues of a prime, walked until it is an index again. */
function permute(index: number, high: number, low: number): number {
  const [factor, offset] = [1 + (high % (PRIME - 1)), low % PRIME];
  let at = index;
  do at = (factor * at + offset) % PRIME;
  while (at >= PRINTABLE.length);
  return at;
}
