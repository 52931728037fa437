import { describe, expect, test } from 'vitest';
import { agentWith, hearsay } from './helper.ts';

const asked = (more: object) => ({
  ...{ id: 9, name: 'load', timeoutMs: 3200, finished: true, expected: 2, acks: [], responses: [] },
  ...more,
});
const report = (more: object) => ({
  ...{ id: 3, operation: 'use', finished: true, step: 'apply', members: 2, answered: 2, unresponsive: [] },
  ...{ errors: {}, messages: {}, keys: {}, primaries: {}, refusal: null },
  ...more,
});
const KEY = Buffer.alloc(32, 7).toString('base64');

describe('query', () => {
  test('prints acks and responses as they come, until it is over', async () => {
    const response = { from: 'bob', payload: '0.7', base64: 'MC43' };
    const agent = await agentWith({
      'PUT /v1/hearsay/query/load': asked({ finished: false, acks: ['ann'] }),
      'GET /v1/hearsay/answers/9': asked({ acks: ['ann', 'bob'], responses: [response] }),
    });
    const words = [
      'query',
      'load',
      'now',
      '--node',
      'ann',
      '--tag',
      'role=^w',
      '--no-ack',
      '--timeout',
      '2s',
    ];

    const ran = await hearsay([...words, '--http-addr', agent.url]);

    expect(ran.out).toBe('ack       ann\nack       bob\nresponse  bob  0.7\n2 acks, 1 response\n');
    expect(agent.asked[0]).toMatchObject({
      url: '/v1/hearsay/query/load?node=ann&tag=role%3D%5Ew&timeout=2s&no-ack=',
      body: 'now',
    });
    const json = await hearsay(['query', 'load', '--json', '--http-addr', agent.url]);
    expect(JSON.parse(json.out)).toEqual({ acks: ['ann', 'bob'], responses: [response], expected: 2 });
  });
});

describe('reachability', () => {
  const versions = { min: 1, max: 5, cur: 2 };
  const member = (name: string, status: string) => ({
    ...{ name, addr: '10.0.0.1', port: 7946, status, tags: {}, incarnation: 1, ageMs: 1, self: false },
    ...{ protocol: versions, delegate: versions },
  });

  test('names who does not answer, and exits 1 for them', async () => {
    const agent = await agentWith({
      'GET /v1/hearsay/members': [member('ann', 'alive'), member('bob', 'suspect'), member('cat', 'failed')],
      'PUT /v1/hearsay/query/_serf_ping': asked({ acks: ['ann'] }),
    });

    const ran = await hearsay(['reachability', '--http-addr', agent.url]);

    expect(ran.code).toBe(1);
    expect(ran.out).toBe('reached  ann\nno ack   bob\n1 of 2 live members acknowledged\n');
  });
});

describe('keys', () => {
  test('list: fingerprints, and how many have and use each', async () => {
    const agent = await agentWith({
      'PUT /v1/hearsay/keys/list': report({ keys: { aaaa: 2, bbbb: 1 }, primaries: { aaaa: 2 } }),
    });

    const ran = await hearsay(['keys', 'list', '--http-addr', agent.url]);
    expect(ran.out).toBe('KEY   MEMBERS  PRIMARY\naaaa  2/2      2/2\nbbbb  1/2      0/2\n');

    const json = await hearsay(['keys', 'list', '--json', '--http-addr', agent.url]);
    expect(JSON.parse(json.out)).toMatchObject({ keys: { aaaa: 2, bbbb: 1 }, nodes: 2, errors: {} });
  });

  test('use: the key from stdin; what would cut a member off changes nothing and exits 4', async () => {
    const refusal = 'bob would no longer understand any message';
    const agent = await agentWith({
      'PUT /v1/hearsay/keys/use': report({ finished: false, step: 'check' }),
      'GET /v1/hearsay/key-reports/3': report({ refusal }),
    });

    const ran = await hearsay(['keys', 'use', '-', '--http-addr', agent.url], { input: `${KEY}\n` });

    expect(ran.code).toBe(4);
    expect(ran.err).toContain(`nothing was changed: ${refusal}`);
    expect(agent.asked[0]?.body).toEqual({ key: KEY });
  });

  test('install: who failed and who was silent is named, and it exits 1', async () => {
    const agent = await agentWith({
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

test('rtt: the estimate, between two or from here', async () => {
  const agent = await agentWith({ 'GET /v1/hearsay/rtt': { a: 'bob', b: 'ann', ms: 1.25 } });

  const ran = await hearsay(['rtt', 'bob', '--http-addr', agent.url]);

  expect(ran.out).toBe('bob to ann: 1.250 ms (estimated)\n');
  expect(agent.asked[0]?.url).toBe('/v1/hearsay/rtt?a=bob');
});

describe('monitor', () => {
  const LINES = [
    '{"level":"info","time":"T","component":"swim","msg":"one"}',
    '{"level":"warn","msg":"\\u001b[31mtwo"}',
  ];

  test('writes the lines of the log at the level asked for, harmless, until the agent goes', async () => {
    const body = 'T [INFO] swim: one\nT [WARN] \u001b[31mtwo\n';
    const agent = await agentWith({ 'GET /v1/agent/monitor': { status: 200, body } });
    const ran = await hearsay(['monitor', '--level', 'debug', '--http-addr', agent.url]);
    expect(agent.asked[0]?.url).toBe('/v1/agent/monitor?loglevel=debug');
    expect(ran.out).toBe('T [INFO] swim: one\nT [WARN] [31mtwo\n');
    expect([ran.code, ran.err]).toEqual([
      3,
      `hearsay: the agent at ${agent.url} closed the connection: check that it is still running\n`,
    ]);
  });

  test('--json writes an object on each line', async () => {
    const agent = await agentWith({
      'GET /v1/agent/monitor': { status: 200, body: `${LINES.join('\n')}\n` },
    });
    const ran = await hearsay(['monitor', '--json', '--http-addr', agent.url]);
    expect(agent.asked[0]?.url).toBe('/v1/agent/monitor?loglevel=info&logjson');
    expect(ran.out).toBe(`${LINES.join('\n')}\n`);
  });

  test('an agent that refuses, a level that is none, and two things at once are told', async () => {
    const agent = await agentWith({ 'GET /v1/agent/monitor': { status: 429, body: 'Too many' } });
    const refused = await hearsay(['monitor', '--http-addr', agent.url]);
    expect([refused.code, refused.err]).toEqual([1, 'hearsay: Too many\n']);
    const wrong = await hearsay(['monitor', '--level', 'loud']);
    expect([wrong.code, wrong.err]).toEqual([
      2,
      'hearsay: --level: must be one of trace, debug, info, warn, error\n',
    ]);
    expect((await hearsay(['monitor', '--level', 'info', '--events'])).code).toBe(2);
  });
});
