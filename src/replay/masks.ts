/**
 * What must not stand in a recording is replaced by something that leads to the same decisions: as long, and equal
 * exactly if the original is equal. Gossip keys always; payloads, outputs, notes, metadata and how checks are run if that
 * is asked for. Where such things stand in commands and on the wire is hide.ts's and hidden-messages.ts's.
 */
import { createHash } from 'node:crypto';
import { concatBytes, encodeUtf8, sameBytes } from '../base/bytes.ts';
import { formatKey, parseKey } from '../wire/crypt.ts';

export class Masker {
  /** Payloads and the like are replaced too. */
  readonly redacts: boolean;
  readonly #salt: Uint8Array;
  /** Keys seen so far, and what stands for them. */
  readonly #keys: { readonly maskKey: Uint8Array; readonly mask: Uint8Array }[] = [];

  /** `salt`: at least 16 random octets, which go nowhere else. */
  constructor(salt: Uint8Array, redacts: boolean) {
    this.#salt = salt;
    this.redacts = redacts;
  }

  /** Stands for a gossip key. */
  key(key: Uint8Array): Uint8Array {
    const held = this.#keys.find((one) => sameBytes(one.maskKey, key));
    if (held !== undefined) return held.mask;
    const mask = this.#derive('key', key, key.length);
    if (this.#keys.length < MAX_KEYS && key.length > 0)
      this.#keys.push({ maskKey: new Uint8Array(key), mask });
    return mask;
  }

  /** Likewise for a key as base64; what is none stays no key. */
  maskBase64Key(base64: string): string {
    if (base64 === '') return '';
    try {
      return formatKey(this.key(parseKey(base64)));
    } catch {
      return '?'.repeat(base64.length);
    }
  }

  /** Does a key seen so far stand somewhere in `bytes`, as it is or as base64? */
  containsKey(bytes: Uint8Array): boolean {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.#keys.some(
      ({ maskKey: key }) => text.includes(Buffer.from(key)) || text.includes(formatKey(key)),
    );
  }

  /** Stands for a payload. */
  maskPayload(bytes: Uint8Array): Uint8Array {
    if (!this.redacts || bytes.length === 0) return bytes;
    return this.#derive('payload', bytes, bytes.length);
  }

  /**
   * Stands for a text: each character by one that is as long in UTF-8, and equal beginnings by equal beginnings, so that
   * it may be cut afterwards as the original was.
   */
  maskText(text: string): string {
    if (!this.redacts) return text;
    let [high, low, masked, before] = [0, 0, '', ''];
    for (const character of text) {
      // Within a block a simple walk will do: whoever guesses it knows no other block.
      if (before.length % BLOCK === 0) [high, low] = this.#seedBlock(before);
      before += character;
      const point = character.codePointAt(0) as number;
      high = Math.imul(high ^ point, 0x9e3779b1) ^ (low >>> 15);
      low = Math.imul((low ^ high) + 0x7f4a7c15, 0x85ebca6b) ^ (high >>> 13);
      masked += substituteCharacter(point, (low ^ (low >>> 16)) >>> 0);
    }
    return masked;
  }

  /** Where the walk through a block begins, from all that stands before it. */
  #seedBlock(before: string): [number, number] {
    const drawn = new DataView(this.#derive('text', encodeUtf8(before), 8).buffer);
    return [drawn.getUint32(0), drawn.getUint32(4)];
  }

  #derive(what: string, bytes: Uint8Array, length: number): Uint8Array {
    const hash = createHash('shake256', { outputLength: Math.max(1, length) });
    const drawn = hash.update(concatBytes([this.#salt, encodeUtf8(`${what}:`), bytes])).digest();
    return new Uint8Array(drawn).slice(0, length);
  }
}

/** Characters between two draws. */
const BLOCK = 16;
/** More than any cluster rotates through in one recording. */
const MAX_KEYS = 1024;

/** A letter of the same length in UTF-8. Blanks and ends of lines stay, so that the shape of a text can be seen. */
function substituteCharacter(point: number, chance: number): string {
  if (point === 0x20 || point === 0x0a) return String.fromCodePoint(point);
  if (point < 0x80) return String.fromCodePoint(0x61 + (chance % 26));
  if (point < 0x800) return String.fromCodePoint(0x3b1 + (chance % 16)); // Greek
  if (point < 0x1_0000) return String.fromCodePoint(0x4e00 + (chance % 4096)); // Han
  return String.fromCodePoint(0x2_0000 + (chance % 4096));
}
