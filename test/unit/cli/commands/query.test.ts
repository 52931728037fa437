import { describe, expect, test } from 'vitest';
import { hearsay, startFakeAgent } from '../helper.ts';

const queryState = (more: object) => ({
  ...{ id: 9, name: 'load', timeoutMs: 3200, finished: true, expected: 2, acks: [], responses: [] },
  ...more,
});

describe('query', () => {
  test('prints acks and responses as they arrive', async () => {
    const response = { from: 'bob', payload: '0.7', base64: 'MC43' };
    const agent = await startFakeAgent({
      'PUT /v1/hearsay/query/load': queryState({ finished: false, acks: ['ann'] }),
      'GET /v1/hearsay/answers/9': queryState({ acks: ['ann', 'bob'], responses: [response] }),
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
    expect(agent.requests[0]).toMatchObject({
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

  test('prints the members that do not acknowledge, and exits 1', async () => {
    const agent = await startFakeAgent({
      'GET /v1/hearsay/members': [member('ann', 'alive'), member('bob', 'suspect'), member('cat', 'failed')],
      'PUT /v1/hearsay/query/_serf_ping': queryState({ acks: ['ann'] }),
    });

    const ran = await hearsay(['reachability', '--http-addr', agent.url]);

    expect(ran.code).toBe(1);
    expect(ran.out).toBe('reached  ann\nno ack   bob\n1 of 2 live members acknowledged\n');
  });
});
