import { expect, test } from 'vitest';
import { type ConfiguredKeys, restoreKeys } from '../../../../src/agent/operations/restore-keys.ts';
import { fingerprint } from '../../../../src/wire/crypt.ts';

const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
const [OLD, NEW, NEWER] = [key(1), key(2), key(3)];
const names = (...keys: Uint8Array[]): string[] => keys.map(fingerprint);
const variable = (one: Uint8Array): ConfiguredKeys => ({ kind: 'key', keys: [one] });
const file = (...keys: Uint8Array[]): ConfiguredKeys => ({ kind: 'keyring', keys });
const stored = (keys: readonly Uint8Array[], configured: readonly Uint8Array[]) => ({
  keys,
  configured: configured.map(fingerprint),
});

test('the first start takes what is configured, and remembers what that was', () => {
  expect(restoreKeys(undefined, undefined)).toBeUndefined();
  expect(restoreKeys(file(OLD, NEW), undefined)).toEqual({ keyring: stored([OLD, NEW], [OLD, NEW]) });
});

test('after a rotation the same configuration changes nothing; that it is outdated is said', () => {
  for (const configured of [variable(OLD), file(OLD)]) {
    expect(restoreKeys(configured, stored([NEW, OLD], [OLD]))).toEqual({
      keyring: stored([NEW, OLD], [OLD]),
    });
    expect(restoreKeys(configured, stored([NEW], [OLD]))).toEqual({
      ...{ keyring: stored([NEW], [OLD]), conflict: 'outdated' },
    });
  }
});

test('without a configured key the stored ones are used, and what was configured once is not forgotten', () => {
  expect(restoreKeys(undefined, stored([NEW], [OLD]))).toEqual({ keyring: stored([NEW], [OLD]) });
});

test('a key that has changed to one of the stored ones is remembered: the keyring stays as it is', () => {
  const second = restoreKeys(variable(NEW), stored([OLD, NEW], [OLD]));
  expect(second).toEqual({ keyring: stored([OLD, NEW], [NEW]) });
  // Once that key is rotated away, too, the same command still does not go back to it.
  expect(restoreKeys(variable(NEW), { ...stored([NEWER], []), configured: names(NEW) })).toMatchObject({
    keyring: { keys: [NEWER] },
    conflict: 'outdated',
  });
});

test('a key that is new, and a keyring file that has changed, replace what is stored, order and removals too', () => {
  expect(restoreKeys(variable(NEWER), stored([NEW, OLD], [OLD]))).toEqual({
    ...{ keyring: stored([NEWER], [NEWER]), conflict: 'replaced' },
  });
  expect(restoreKeys(file(NEW), stored([OLD, NEW], [OLD, NEW]))).toEqual({
    ...{ keyring: stored([NEW], [NEW]), conflict: 'replaced' },
  });
  expect(restoreKeys(file(NEW, OLD), stored([NEW, OLD], [OLD]))).toEqual({
    keyring: stored([NEW, OLD], [NEW, OLD]),
  });
});
