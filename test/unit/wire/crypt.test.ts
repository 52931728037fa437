import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AgentError } from '../../../src/base/errors.ts';
import {
  decryptPayload,
  encryptedLength,
  encryptOverhead,
  encryptPayload,
  fingerprint,
  parseKey,
} from '../../../src/wire/crypt.ts';
import { codeOf, hex, key, label, nonces } from './support.ts';

function sealed(plain: Uint8Array, how: { key: Uint8Array; version: 0 | 1; aad?: Uint8Array }): Uint8Array {
  const out = new Uint8Array(encryptedLength(plain.length, how.version));
  const { key, version, aad = new Uint8Array(0) } = how;
  encryptPayload(out, 0, plain, { key, version, aad, nonce: nonces()() });
  return out;
}

test('AES-256 of nothing with a zero key and nonce gives the tag of the GCM specification', () => {
  const out = new Uint8Array(29);
  const zero = { key: key(0), version: 1 as const, nonce: new Uint8Array(12), aad: new Uint8Array(0) };
  encryptPayload(out, 0, new Uint8Array(0), zero);
  expect(Buffer.from(out).toString('hex')).toBe(`01${'00'.repeat(12)}530f8afbc74536b9a963b4f1c4cb738b`);
});

test.each([16, 24, 32])('a key of %d bytes decrypts what it encrypted, in both versions', (length) => {
  for (const version of [0, 1] as const)
    for (const size of [0, 1, 15, 16, 17, 31, 32, 1400]) {
      const plain = new Uint8Array(size).fill(size);
      const out = sealed(plain, { key: key(1, length), version });
      expect(out.length - size).toBeLessThanOrEqual(encryptOverhead(version));
      expect(decryptPayload(out, [key(1, length)], new Uint8Array(0))).toEqual(plain);
    }
});

test('version 0 always pads, so whole blocks grow by a block', () => {
  expect([0, 1, 15, 16, 17].map((length) => encryptedLength(length, 0))).toEqual([45, 45, 45, 61, 61]);
  expect([0, 1, 16].map((length) => encryptedLength(length, 1))).toEqual([29, 30, 45]);
});

describe('is not decrypted', () => {
  const plain = hex('0102030405');
  const good = sealed(plain, { key: key(1), version: 1, aad: label('blue') });

  test('with a key that is not in the keyring, and is with any that is', () => {
    expect(codeOf(() => decryptPayload(good, [key(2), key(3)], label('blue')))).toBe('undecryptable');
    expect(decryptPayload(good, [key(2), key(3, 16), key(1)], label('blue'))).toEqual(plain);
  });

  test('under another label', () => {
    expect(codeOf(() => decryptPayload(good, [key(1)], label('green')))).toBe('undecryptable');
  });

  test('when a byte of nonce, text or tag is changed', () => {
    for (const at of [1, 13, good.length - 1]) {
      const bad = good.slice();
      bad[at] = (bad[at] as number) ^ 1;
      expect(codeOf(() => decryptPayload(bad, [key(1)], label('blue')))).toBe('undecryptable');
    }
  });

  test('when its version is unknown, or it is too short', () => {
    expect(codeOf(() => decryptPayload(Uint8Array.of(2, ...good.subarray(1)), [key(1)], label('blue')))).toBe(
      'undecryptable',
    );
    expect(codeOf(() => decryptPayload(good.subarray(0, 28), [key(1)], label('blue')))).toBe('undecryptable');
    expect(codeOf(() => decryptPayload(new Uint8Array(44), [key(1)], label('blue')))).toBe('undecryptable');
    expect(codeOf(() => decryptPayload(new Uint8Array(0), [key(1)], label('blue')))).toBe('undecryptable');
  });

  test('when the padding of version 0 is invalid', () => {
    // Encrypted as version 1 with padding of our choice, then changed to version 0, which is not authenticated.
    for (const last of [0, 17, 255, 2]) {
      const padded = new Uint8Array(16).fill(9);
      padded[15] = last;
      const out = sealed(padded, { key: key(1), version: 1 });
      out[0] = 0;
      expect(codeOf(() => decryptPayload(out, [key(1)], new Uint8Array(0)))).toBe('undecryptable');
    }
  });
});

test('a nonce of another length fails an assertion', () => {
  const how = { key: key(1), version: 1 as const, nonce: new Uint8Array(11), aad: new Uint8Array(0) };
  expect(() => encryptPayload(new Uint8Array(64), 0, hex('01'), how)).toThrow(/impossible/);
});

test('version 1 changed to version 0 on the way does not lose its last bytes, though they look like padding', () => {
  const out = sealed(new Uint8Array(17).fill(1), { key: key(1), version: 1 });
  out[0] = 0;
  expect(codeOf(() => decryptPayload(out, [key(1)], new Uint8Array(0)))).toBe('undecryptable');
});

describe('keys', () => {
  test.each([16, 24, 32])('of %d bytes are accepted as base64, with spaces around', (length) => {
    const text = Buffer.alloc(length, 0xfb).toString('base64');
    expect(parseKey(` ${text}\n`)).toEqual(new Uint8Array(length).fill(0xfb));
  });

  test.each([
    ['', /base64/],
    ['not base64!', /base64/],
    ['AAAA', /has 3/],
    [Buffer.alloc(33).toString('base64'), /has 33/],
    [Buffer.alloc(16, 0xff).toString('base64url'), /base64/],
  ])('"%s" is refused in a sentence', (text, sentence) => {
    expect(() => parseKey(text)).toThrow(AgentError);
    expect(() => parseKey(text)).toThrow(sentence);
    try {
      parseKey(text);
    } catch (error) {
      expect((error as AgentError).code).toBe('config');
      if (text.length > 4) expect((error as AgentError).message).not.toContain(text); // keys must not get into logs
    }
  });

  test('a fingerprint tells keys apart and is no plain hash of one', () => {
    expect(fingerprint(key(1))).toMatch(/^[0-9a-f]{16}$/);
    expect(fingerprint(key(1))).not.toBe(fingerprint(key(2)));
    expect(createHash('sha256').update(key(1)).digest('hex')).not.toContain(fingerprint(key(1)));
  });
});
