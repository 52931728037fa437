/**
 * AES-GCM as memberlist uses it, and the form of keys. The only file below floor 5 that imports node:crypto. Nonces
 * come from the caller, so that runs can be repeated.
 *
 * Source: memberlist security.go, encryptPayload, decryptPayload; P8, P9 (docs/protocol.md).
 */
import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { assert } from '../base/assert.ts';
import { AgentError, WireError } from '../base/errors.ts';

export const NONCE_BYTES = 12;
/** Bytes in front of an encrypted message on a stream: its type and its length. */
export const ENCRYPT_HEADER_BYTES = 5;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES;

/** Version 0 pads the plaintext to whole blocks, version 1 takes it as it is. */
export type EncryptionVersion = 0 | 1;

/** The most bytes that encryption adds to a plaintext. */
export const encryptOverhead = (version: EncryptionVersion): number =>
  version === 0 ? OVERHEAD + BLOCK_BYTES : OVERHEAD;

/** Bytes of the encrypted form of a plaintext of `length`. */
export const encryptedLength = (length: number, version: EncryptionVersion): number =>
  OVERHEAD + (version === 0 ? length + BLOCK_BYTES - (length % BLOCK_BYTES) : length);

const ALGORITHMS = { 16: 'aes-128-gcm', 24: 'aes-192-gcm', 32: 'aes-256-gcm' } as const;

function selectAlgorithm(key: Uint8Array): 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' {
  const algorithm = ALGORITHMS[key.length as 16 | 24 | 32];
  if (algorithm === undefined) throw new AgentError('config', 'A gossip key must have 16, 24 or 32 bytes.');
  return algorithm;
}

/** Writes version, nonce, ciphertext and tag into `out` at `at`: `encryptedLength` bytes. */
export function encryptPayload(
  out: Uint8Array,
  at: number,
  plaintext: Uint8Array,
  options: { key: Uint8Array; version: EncryptionVersion; nonce: Uint8Array; aad: Uint8Array },
): void {
  const { key, version, nonce, aad } = options;
  assert(nonce.length === NONCE_BYTES, `a nonce of ${nonce.length} bytes`);
  const cipher = createCipheriv(selectAlgorithm(key), key, nonce);
  if (aad.length > 0) cipher.setAAD(aad);
  out[at] = version;
  out.set(nonce, at + 1);
  let end = at + 1 + NONCE_BYTES;
  const body = cipher.update(plaintext);
  out.set(body, end);
  end += body.length;
  if (version === 0) {
    const pad = BLOCK_BYTES - (plaintext.length % BLOCK_BYTES);
    const padding = cipher.update(new Uint8Array(pad).fill(pad));
    out.set(padding, end);
    end += padding.length;
  }
  cipher.final(); // adds no bytes in GCM, but computes the tag
  out.set(cipher.getAuthTag(), end);
}

/** The error of a message that none of the keys opens. */
export const UNKNOWN_KEY = 'encrypted with an unknown key, or altered';

/**
 * Decrypts into fresh memory with the first of `keys` that fits. Throws `WireError` 'undecryptable' if none does, or if
 * the padding is invalid.
 */
export function decryptPayload(
  encrypted: Uint8Array,
  keys: readonly Uint8Array[],
  aad: Uint8Array,
): Uint8Array {
  const version = encrypted[0];
  const minBytes = version === 0 ? OVERHEAD + BLOCK_BYTES : OVERHEAD;
  if ((version !== 0 && version !== 1) || encrypted.length < minBytes)
    throw new WireError('undecryptable', 'not an encrypted message');
  // The version byte is not authenticated, but few messages that were not padded have the length of one that was.
  if (version === 0 && (encrypted.length - OVERHEAD) % BLOCK_BYTES !== 0)
    throw new WireError('undecryptable', 'not padded to whole blocks');
  const nonce = encrypted.subarray(1, 1 + NONCE_BYTES);
  const body = encrypted.subarray(1 + NONCE_BYTES, encrypted.length - TAG_BYTES);
  const tag = encrypted.subarray(encrypted.length - TAG_BYTES);
  for (const key of keys) {
    const plain = tryDecrypt(key, nonce, body, tag, aad);
    if (plain !== undefined) return version === 0 ? removePadding(plain) : plain;
  }
  throw new WireError('undecryptable', UNKNOWN_KEY);
}

function tryDecrypt(
  key: Uint8Array,
  nonce: Uint8Array,
  body: Uint8Array,
  tag: Uint8Array,
  aad: Uint8Array,
): Uint8Array | undefined {
  const decipher = createDecipheriv(selectAlgorithm(key), key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(tag);
  if (aad.length > 0) decipher.setAAD(aad);
  const plain = decipher.update(body);
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  // A Uint8Array and not a Buffer: a Buffer's `slice` shares memory, and readers are faster with one kind of array.
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
}

/** Differs: agents look at the last byte only; here all 1 to 16 bytes of the padding must be equal. */
function removePadding(plain: Uint8Array): Uint8Array {
  const pad = plain[plain.length - 1] ?? 0;
  let isValid = pad >= 1 && pad <= BLOCK_BYTES && pad <= plain.length;
  for (let i = 1; isValid && i <= pad; i++) isValid = plain[plain.length - i] === pad;
  if (!isValid) throw new WireError('undecryptable', 'decrypted, but with invalid padding');
  return plain.subarray(0, plain.length - pad);
}

/** Decodes a key as operators write it: standard base64 of 16, 24 or 32 bytes. Throws `AgentError` 'config'. */
export function parseKey(base64: string): Uint8Array {
  const trimmed = base64.trim();
  if (trimmed.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed))
    throw new AgentError('config', 'An encryption key must be standard base64, with its padding.');
  const key = Uint8Array.from(atob(trimmed), (char) => char.charCodeAt(0));
  if (!(key.length in ALGORITHMS))
    throw new AgentError(
      'config',
      `An encryption key must have 16, 24 or 32 bytes; this one has ${key.length}.`,
    );
  return key;
}

/** 16 hex digits that name a key in logs and status without revealing it. */
export const fingerprint = (key: Uint8Array): string =>
  createHash('sha256').update('hearsay gossip key').update(key).digest('hex').slice(0, 16);

/** Whether a text has the form of a fingerprint. No key has it: 16 digits are base64 of 12 bytes. */
export const isFingerprint = (text: string): boolean => /^[0-9a-f]{16}$/.test(text);

/** The inverse of `parseKey`. */
export const formatKey = (key: Uint8Array): string => btoa(String.fromCharCode(...key));
