import { describe, expect, test } from 'vitest';
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
