import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createKeyringStore, type KeyringStore, readKeyring } from '../../../../src/shell/storage/keyring.ts';
import { noting } from '../support.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-keyring-'));
  path = join(dir, 'keyring.json');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const key = (fill: number, length: number): string => Buffer.alloc(length, fill).toString('base64');
function write(contents: unknown, mode = 0o600): void {
  writeFileSync(path, typeof contents === 'string' ? contents : JSON.stringify(contents));
  chmodSync(path, mode);
}

test('keys are read in order, the primary first, each once', async () => {
  write([key(2, 32), key(1, 16), key(2, 32), key(3, 24)]);
  const keys = await readKeyring(path);
  expect(keys.map((octets) => [octets[0], octets.length])).toEqual([
    [2, 32],
    [1, 16],
    [3, 24],
  ]);
});

const FORMAT = 'write a JSON array with at least one base64 key, the primary first';
const GOOD = `"${key(1, 16)}"`;

test.each([
  ['', `1: it is empty: ${FORMAT}`],
  ['\n\n', `1: it is empty: ${FORMAT}`],
  ['{', `1: ${FORMAT}`],
  [{ key: 'x' }, `1: ${FORMAT}`],
  [`\n\n${key(1, 16)}`, `3: ${FORMAT}`],
  [[], `1: there is no key in it: ${FORMAT}`],
  ['[', '1: the array has no closing ]'],
  [`[\n${GOOD},\n`, '2: the array has no closing ]'],
  [`[\n${GOOD},\n]`, '3: there must be a key before this ]'],
  [`[\n,${GOOD}]`, '2: there must be a key before this ,'],
  [`[${GOOD}\n${GOOD}]`, '2: there must be a comma or ] before this entry'],
  [`[${GOOD},\n"${key(2, 16)}]`, '2: a key has no closing quote'],
  [`[${GOOD}]\n]`, '2: there is something after the end of the array'],
  [`[\n${GOOD},\n7]`, '3: entry 2 is not a string'],
  [`[${GOOD}, {"a": ${GOOD}}]`, '1: entry 2 is not a string'],
  [`[\n  ${GOOD},\n  "${key(1, 15)}"\n]`, '3: entry 2 is not base64 of 16, 24 or 32 bytes'],
  [['sEcReT!'], '1: entry 1 is not base64 of 16, 24 or 32 bytes'],
  [Array.from({ length: 65 }, (_, i) => key(i, 16)), '1: more than 64 keys'],
  ['x'.repeat(70_000), ' the file is too large'],
])('%j is refused, with the file, the line and the entry but never the key', async (contents, clause) => {
  write(contents);
  await expect(readKeyring(path)).rejects.toMatchObject({
    code: 'config',
    message: `keyring ${path}:${clause}`,
  });
});

test('blanks, empty lines and escapes are JSON as any other', async () => {
  write(`\n [ ${GOOD},\n\n"${key(255, 16).replaceAll('/', '\\/')}" ] \n`);
  expect(await readKeyring(path)).toEqual([new Uint8Array(16).fill(1), new Uint8Array(16).fill(255)]);
});

test('a missing file is reported as missing', async () => {
  await expect(readKeyring(path)).rejects.toThrow(`keyring ${path}: there is no such file`);
});

test.each([0o620, 0o602, 0o666])(
  'a file with mode %o is refused: others could choose our keys',
  async (mode) => {
    write([key(1, 16)], mode);
    await expect(readKeyring(path)).rejects.toThrow(
      `keyring ${path} can be written by other users (mode 0${mode.toString(8)}): chmod 600 it`,
    );
  },
);

test('a file that others can read is used, and reported as exposed', async () => {
  write([key(1, 16)], 0o644);
  const { record: note, facts } = noting();
  expect(await readKeyring(path, note)).toHaveLength(1);
  expect(facts).toEqual([{ kind: 'keyringExposed', file: path }]);
});

describe('the keyring file of an agent', () => {
  const bytes = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
  const save = (store: KeyringStore, keys: readonly Uint8Array[], isConfigured = false) =>
    new Promise<string | undefined>((resolve) => store.save(keys, resolve, isConfigured));

  test('G16 saved keys are a file with mode 0600, in Serf’s format, and can be read back', async () => {
    const keeper = createKeyringStore(path, [bytes(1)]);
    const outcomes = [save(keeper, [bytes(1)]), save(keeper, [bytes(2), bytes(1)])];
    await keeper.close();

    expect(await Promise.all(outcomes)).toEqual([undefined, undefined]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await readKeyring(path)).toEqual([bytes(2), bytes(1)]);
    expect(readdirSync(dir)).toEqual(['keyring.json']);
  });

  test('G16 a failed write is reported, and leaves the old file', async () => {
    writeFileSync(join(dir, 'file'), '');
    const keeper = createKeyringStore(join(dir, 'file', 'ring.json'), [bytes(1)]);
    expect(await save(keeper, [bytes(2)])).toContain('cannot be written');
    expect(await keeper.settled()).toContain('cannot be written');
  });

  test('an edit is told from what the agent wrote itself, also while it writes', async () => {
    write([key(1, 32)]);
    const store = createKeyringStore(path, [bytes(1)]);
    expect(await store.file?.readEdit()).toBeUndefined();
    store.save([bytes(1), bytes(2)], () => {});
    expect(await store.file?.readEdit()).toBeUndefined();
    write([key(2, 32), key(1, 32)]);
    expect(await store.file?.readEdit()).toEqual([bytes(2), bytes(1)]);
  });

  test('a file that could not be written is no edit: it has what it had', async () => {
    write([key(1, 32)]);
    const store = createKeyringStore(path, [bytes(1)]);
    mkdirSync(`${path}.tmp`); // where the new content is to be written first
    const refused = await save(store, [bytes(1), bytes(2)]);
    rmSync(`${path}.tmp`, { recursive: true });
    expect(refused).toContain('cannot be written');
    expect(await store.file?.readEdit()).toBeUndefined();
  });

  test('a change of keys does not overwrite an edit that waits for its reload, and says so', async () => {
    write([key(1, 32)]);
    const store = createKeyringStore(path, [bytes(1)]);
    write([key(3, 32), key(1, 32)]);
    expect(await save(store, [bytes(1), bytes(2)])).toBe(
      'the keyring file was edited, and the edit is kept: add this change to the file, then run `hearsay reload`',
    );
    expect(await store.file?.readEdit()).toEqual([bytes(3), bytes(1)]);
    expect(await store.settled()).toContain('was edited');
    // The reload takes the edit over; from then on changes are stored again.
    expect(await save(store, [bytes(3), bytes(1)], true)).toBeUndefined();
    expect(await save(store, [bytes(3), bytes(2)])).toBeUndefined();
    expect(await readKeyring(path)).toEqual([bytes(3), bytes(2)]);
  });

  test('half of an edit is not overwritten; an edit that says the same as the change is no conflict', async () => {
    write([key(1, 32)]);
    const store = createKeyringStore(path, [bytes(1)]);
    write(`["${key(3, 32)}",`);
    expect(await save(store, [bytes(1), bytes(2)])).toContain('was edited');
    expect(readFileSync(path, 'utf8')).toBe(`["${key(3, 32)}",`);
    write([key(1, 32), key(2, 32)]);
    expect(await save(store, [bytes(1), bytes(2)])).toBeUndefined();
    expect(await store.settled()).toBeUndefined();
    rmSync(path);
    expect(await save(store, [bytes(2)])).toBeUndefined();
    expect(await readKeyring(path)).toEqual([bytes(2)]);
  });

  test('keys that the file has already are not written again: the file stays the operator’s', async () => {
    write([key(2, 32)], 0o640);
    const store = createKeyringStore(path, [bytes(1)]);
    const { ino } = statSync(path);
    expect(await save(store, [bytes(2)], true)).toBeUndefined();
    expect([statSync(path).ino, statSync(path).mode & 0o777]).toEqual([ino, 0o640]);
    expect(await store.file?.readEdit()).toBeUndefined();
    expect(store.saves).toBe(0);
  });
});
