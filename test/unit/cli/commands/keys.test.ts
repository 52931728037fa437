import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readKeyring } from '../../../../src/shell/storage/keyring.ts';
import { hearsay, startFakeAgent } from '../helper.ts';

const report = (more: object) => ({
  ...{ id: 3, operation: 'use', finished: true, step: 'apply', members: 2, answered: 2, unresponsive: [] },
  ...{ errors: {}, messages: {}, keys: {}, primaries: {}, refusal: null },
  ...more,
});
const KEY = Buffer.alloc(32, 7).toString('base64');

describe('keys', () => {
  test('list: fingerprints, and how many members have and use each', async () => {
    const agent = await startFakeAgent({
      'PUT /v1/hearsay/keys/list': report({ keys: { aaaa: 2, bbbb: 1 }, primaries: { aaaa: 2 } }),
    });

    const ran = await hearsay(['keys', 'list', '--http-addr', agent.url]);
    expect(ran.out).toBe('KEY   MEMBERS  PRIMARY\naaaa  2/2      2/2\nbbbb  1/2      0/2\n');

    const json = await hearsay(['keys', 'list', '--json', '--http-addr', agent.url]);
    expect(JSON.parse(json.out)).toMatchObject({ keys: { aaaa: 2, bbbb: 1 }, nodes: 2, errors: {} });
  });

  test('use: the key from stdin; a refusal changes nothing and exits 4', async () => {
    const refusal = 'bob would no longer understand any message';
    const agent = await startFakeAgent({
      'PUT /v1/hearsay/keys/use': report({ finished: false, step: 'check' }),
      'GET /v1/hearsay/key-reports/3': report({ refusal }),
    });

    const ran = await hearsay(['keys', 'use', '-', '--http-addr', agent.url], { input: `${KEY}\n` });

    expect(ran.code).toBe(4);
    expect(ran.err).toContain(`nothing was changed: ${refusal}`);
    expect(agent.requests[0]?.body).toEqual({ key: KEY });
  });

  test('a fingerprint of the list is passed on; the same remark of many members is one line', async () => {
    const nodes = Array.from({ length: 10 }, (_, i) => `n${i}`);
    const agent = await startFakeAgent({
      'PUT /v1/hearsay/keys/remove': report({
        ...{ operation: 'remove', members: 10, answered: 10 },
        messages: Object.fromEntries(nodes.map((node) => [node, 'In memory only'])),
      }),
    });

    const ran = await hearsay(['keys', 'remove', '0123456789abcdef', '--http-addr', agent.url]);

    expect(agent.requests[0]?.body).toEqual({ key: '0123456789abcdef' });
    expect(ran.out).toBe(
      '10 of 10 members applied it\nn0, n1, n2, n3, n4, n5, n6, n7 and 2 more: In memory only\n',
    );
  });

  test('install: failed and unresponsive members are printed, and it exits 1', async () => {
    const agent = await startFakeAgent({
      'PUT /v1/hearsay/keys/install': report({
        members: 3,
        errors: { bob: 'no space' },
        unresponsive: ['cat'],
      }),
    });

    const ran = await hearsay(['keys', 'install', KEY, '--http-addr', agent.url]);

    expect(ran.code).toBe(1);
    expect(ran.out).toBe('1 of 3 members applied it\nbob: no space\ncat: no response\n');
  });
});

describe('keygen --keyring', () => {
  test('S25 writes a keyring that only its owner can read, and never replaces a file', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'hearsay-keygen-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const path = join(dir, 'keyring');

    const ran = await hearsay(['keygen', '--keyring', path]);
    expect(ran.code).toBe(0);
    expect(ran.out).toContain(`--keyring-file ${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const [key] = await readKeyring(path);
    expect(key).toHaveLength(32);
    expect(ran.out + ran.err).not.toContain(Buffer.from(key ?? []).toString('base64'));

    const before = readFileSync(path, 'utf8');
    const again = await hearsay(['keygen', '--keyring', path]);
    expect(again.code).toBe(4);
    expect(again.err).toContain('exists and is left as it is');
    expect(readFileSync(path, 'utf8')).toBe(before);

    const nowhere = await hearsay(['keygen', '--keyring', join(dir, 'no', 'keyring')]);
    expect(nowhere.code).toBe(1);
    expect(nowhere.err).toContain('there is no such directory');
  });
});
