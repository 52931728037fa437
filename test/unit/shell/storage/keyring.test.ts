import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKeyringStore, readKeyring } from '../../../../src/shell/storage/keyring.ts';
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

test.each([
  [
    '{',
    'it is not JSON: write an array of base64 keys, the primary first, as `hearsay keygen --keyring` does',
  ],
  [{ key: 'x' }, 'write a JSON array with at least one base64 key, the primary first'],
  [[], 'write a JSON array with at least one base64 key, the primary first'],
  [[key(1, 16), 7], 'entry 2 is not a string'],
  [[key(1, 16), key(1, 15)], 'entry 2 is not base64 of 16, 24 or 32 bytes'],
  [['sEcReT!'], 'entry 1 is not base64 of 16, 24 or 32 bytes'],
  [Array.from({ length: 65 }, (_, i) => key(i, 16)), 'more than 64 keys'],
  ['x'.repeat(70_000), 'the file is too large'],
])('%j is refused, with the file and the entry but never the key', async (contents, clause) => {
  write(contents);
  await expect(readKeyring(path)).rejects.toMatchObject({
    code: 'config',
    message: `keyring ${path}: ${clause}`,
  });
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

test('G16 saved keys are a file with mode 0600, in Serf’s format, and can be read back', async () => {
  const keeper = createKeyringStore(path);
  const key = (octet: number): Uint8Array => new Uint8Array(32).fill(octet);
  const outcomes: (string | undefined)[] = [];

  keeper.save([key(1)], (error) => outcomes.push(error));
  keeper.save([key(2), key(1)], (error) => outcomes.push(error));
  await keeper.close();

  expect(outcomes).toEqual([undefined, undefined]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await readKeyring(path)).toEqual([key(2), key(1)]);
  expect(readdirSync(dir)).toEqual(['keyring.json']);
});

test('G16 a failed write is reported, and leaves the old file', async () => {
  writeFileSync(join(dir, 'file'), '');
  const keeper = createKeyringStore(join(dir, 'file', 'ring.json'));
  const outcomes: (string | undefined)[] = [];

  keeper.save([new Uint8Array(32)], (error) => outcomes.push(error));
  await keeper.close();

  expect(outcomes).toEqual([expect.stringContaining('cannot be written')]);
});
