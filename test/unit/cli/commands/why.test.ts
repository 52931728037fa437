import { expect, test } from 'vitest';
import { hearsay, startFakeAgent } from '../helper.ts';

const REASON = {
  kind: 'check',
  excludes: true,
  message: 'its check "beat" is critical (no heart)',
  source: 'n1',
  sinceMs: 61_000,
};
const instance = (id: string, usable: boolean, ...reasons: object[]) => ({
  id,
  node: 'n1',
  address: '10.0.0.1',
  port: 80,
  status: usable ? 'passing' : 'critical',
  answers: { usable, passing: usable, query: true },
  summary: '',
  reasons,
});
const WHY = {
  service: 'web',
  summary: '1 of 2 in results',
  instances: [instance('web-1', true), instance('web-2', false, REASON)],
  membersWithoutServices: [],
};

async function why(name: string, answer: object, ...words: string[]) {
  const { url, requests } = await startFakeAgent({ 'GET /v1/hearsay/why': answer });
  const ran = await hearsay(['why', name, ...words, '--http-addr', url]);
  return { ...ran, requests: requests[0]?.url };
}

test('why prints for each instance the reasons against it, their source and age', async () => {
  expect(await why('web', WHY)).toEqual({
    code: 0,
    err: '',
    requests: '/v1/hearsay/why?service=web',
    out: [
      'ID     NODE  ADDRESS      STATUS   RETURNED',
      'web-1  n1    10.0.0.1:80  passing  yes',
      '  no reason to exclude it',
      '',
      'ID     NODE  ADDRESS      STATUS    RETURNED',
      'web-2  n1    10.0.0.1:80  critical  no',
      '  - its check "beat" is critical (no heart) (according to n1, for 1m)',
      '',
      '1 of 2 in results',
      '',
    ].join('\n'),
  });
});

test('an id may hold slashes; --json is the answer itself', async () => {
  const { requests, out } = await why('web/a/b:1', WHY, '--json');
  expect(requests).toBe('/v1/hearsay/why?service=web&id=a%2Fb%3A1');
  expect(JSON.parse(out)).toEqual(WHY);
});

test('an unknown name is exit 4, with the members that have published nothing', async () => {
  const membersWithoutServices = [{ node: 'n2', status: 'alive', message: 'it has published nothing' }];
  const ran = await why('nope', {
    service: 'nope',
    summary: 'not seen',
    instances: [],
    membersWithoutServices,
  });
  expect([ran.code, ran.out]).toEqual([
    4,
    'not seen\nNODE  STATUS  REASON\nn2    alive   it has published nothing\n',
  ]);
  expect(ran.err).toMatch(/no node and no service "nope" is known: run `hearsay members` and/);
});

const NO_SERVICE = { service: 'db-3', summary: 'not seen', instances: [], membersWithoutServices: [] };
const seen = (agoMs: number, observer: string, kind: string, message: string) => ({
  at: new Date(1_700_000_000_000 - agoMs).toISOString(),
  ...{ agoMs, observer, kind, message },
});
const REPORT = {
  node: 'db-3',
  status: 'failed',
  diagnosis: 'declared failed by db-1 at 22:13:16Z: direct and 3 of 3 indirect probes failed, so likely true',
  finding: 'failed',
  accusation: 'true',
  witnesses: { answered: ['db-1', 'db-2'], unreadable: ['db-4'], error: null },
  dropped: 2,
  evidence: [
    seen(61_000, 'db-1', 'memberSuspected', 'db-1 suspects db-3: \u001b[31mdirect'),
    seen(60_500, 'db-1', 'awarenessChanged', 'db-1 felt unwell'),
    seen(4_000, 'ann', 'memberDeclaredDead', 'db-1 declares db-3 failed'),
  ],
};

async function whyNode(answers: Record<string, object>, ...words: string[]) {
  const { url, requests } = await startFakeAgent(answers);
  const ran = await hearsay(['why', 'db-3', ...words, '--http-addr', url]);
  return { ...ran, requests: requests.map((one) => one.url) };
}

test('why shows the evidence on a node in order, with observers, and the diagnosis', async () => {
  const ran = await whyNode({ 'GET /v1/hearsay/why': NO_SERVICE, 'GET /v1/hearsay/why/db-3': REPORT });
  expect(ran).toEqual({
    code: 0,
    err: '',
    requests: ['/v1/hearsay/why?service=db-3', '/v1/hearsay/why/db-3'],
    out: [
      'db-3: failed',
      '',
      'AT         AGO  OBSERVER  EVENT',
      '22:12:19Z  1m   db-1      db-1 suspects db-3: [31mdirect',
      '22:13:16Z  4s   ann       db-1 declares db-3 failed',
      '',
      'declared failed by db-1 at 22:13:16Z: direct and 3 of 3 indirect probes failed, so likely true',
      '(1 more in --json; 2 older events evicted; 2 witnesses answered; the answer of db-4 cannot be read)',
      '',
    ].join('\n'),
  });
});

test('--json is the answer itself; --no-ask queries no witnesses', async () => {
  const answers = { 'GET /v1/hearsay/why': NO_SERVICE, 'GET /v1/hearsay/why/db-3': REPORT };
  const { out, requests } = await whyNode(answers, '--json', '--no-ask');
  expect(JSON.parse(out)).toEqual(REPORT);
  expect(requests[1]).toBe('/v1/hearsay/why/db-3?ask=false');
});

test('SERVICE/NUMBER is a partition of that service, if no instance has this ID', async () => {
  const summary = 'w2 on bob holds it, since w1 on ann was draining.';
  const partition = {
    ...{ partition: 17, state: 'held', holder: { node: 'bob', id: 'w2' }, token: 7, next: null, summary },
  };
  const { url } = await startFakeAgent({
    'GET /v1/hearsay/why': NO_SERVICE,
    'GET /v1/hearsay/partitions': [
      { service: 'tasks', count: 32, node: 'ann', workers: [], partitions: [partition] },
      { service: 'mail', count: 32, node: 'ann', workers: [], partitions: [{ ...partition, token: 8 }] },
    ],
  });
  const text = await hearsay(['why', 'Tasks/17', '--http-addr', url]);
  expect([text.code, text.out]).toEqual([
    0,
    `PARTITION  STATE  WORKER  NODE  TOKEN\n17         held   w2      bob   7\n  ${summary}\n`,
  ]);
  const json = await hearsay(['why', 'tasks/17', '--json', '--http-addr', url]);
  expect(JSON.parse(json.out)).toEqual([partition]);
  const unknown = await hearsay(['why', 'tasks/18', '--http-addr', url]);
  expect([unknown.code, unknown.out]).toEqual([4, 'not seen\n']);
});

test('a name of both is explained as a service, with a notice about --node', async () => {
  const answers = { 'GET /v1/hearsay/why': WHY, 'GET /v1/hearsay/why/db-3': REPORT };
  const both = await whyNode(answers);
  expect(both.out).toContain('1 of 2 in results');
  expect(both.err).toBe('db-3 is also a node: run `hearsay why --node db-3` to explain it\n');
  const node = await whyNode(answers, '--node');
  expect([node.out.split('\n')[0], node.requests]).toEqual(['db-3: failed', ['/v1/hearsay/why/db-3']]);
});

test('an unknown node is exit 4', async () => {
  const { code, err, out } = await whyNode({}, '--node');
  expect([code, out]).toEqual([4, '']);
  expect(err).toMatch(/no node "db-3" is known: run `hearsay members`/);
});
