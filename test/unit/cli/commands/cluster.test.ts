import { describe, expect, test } from 'vitest';
import { hearsay, startFakeAgent } from '../helper.ts';

const versions = { min: 2, max: 5, cur: 5 };
const member = (name: string, status: string, tags: Record<string, string> = {}, self = false) => ({
  name,
  addr: '10.0.0.7',
  port: 7946,
  status,
  tags,
  incarnation: 3,
  ageMs: 125_000,
  protocol: versions,
  delegate: versions,
  self,
  extra: 'kept',
});
const CLUSTER = [
  member('web-1', 'alive', { role: 'web', zone: 'a' }, true),
  member('web-2', 'failed', { role: 'web' }),
  member('db-1', 'alive', { role: 'db' }),
];

async function members(words: readonly string[], options = {}): Promise<string> {
  const { url } = await startFakeAgent({ 'GET /v1/hearsay/members': CLUSTER });
  const ran = await hearsay(['members', '--http-addr', url, ...words], options);
  expect([ran.code, ran.err]).toEqual([0, '']);
  return ran.out;
}

describe('members', () => {
  test('are a table for people', async () => {
    expect(await members([])).toBe(
      [
        'NODE     ADDRESS        STATUS  AGE  TAGS',
        'db-1     10.0.0.7:7946  alive   2m   role=db',
        'web-1 *  10.0.0.7:7946  alive   2m   role=web,zone=a',
        'web-2    10.0.0.7:7946  failed  2m   role=web',
        '',
      ].join('\n'),
    );
    expect(await members(['--detailed', '--name', 'db-1'])).toContain('3            5 (2-5)');
  });

  test('N26 are in the order in which people count', async () => {
    const rows = ['demo-10', 'demo-2', 'demo-1', 'Demo-3'].map((name) => member(name, 'alive', {}));
    const { url } = await startFakeAgent({ 'GET /v1/hearsay/members': rows });
    const ran = await hearsay(['members', '--http-addr', url]);
    const names = ran.out.split('\n').map((line) => line.split(' ')[0]);
    expect(names).toEqual(['NODE', 'demo-1', 'demo-2', 'Demo-3', 'demo-10', '']);
  });

  test('with --json are the whole document', async () => {
    expect(JSON.parse(await members(['--json']))).toEqual(CLUSTER);
  });

  test.each([
    [
      ['--status', 'alive'],
      ['web-1', 'db-1'],
    ],
    [
      ['--status', 'alive', '--status', 'failed'],
      ['web-1', 'web-2', 'db-1'],
    ],
    [
      ['--tag', 'role=web'],
      ['web-1', 'web-2'],
    ],
    [['--tag', 'role=web', '--tag', 'zone=a'], ['web-1']],
    [['--tag', 'constructor=x'], []],
    [
      ['--name', 'web-.*'],
      ['web-1', 'web-2'],
    ],
    [['--name', 'web-.', '--status', 'fail.*'], ['web-2']],
    [
      ['--tag', 'role=web|db', '--status', 'alive'],
      ['web-1', 'db-1'],
    ],
    [['--tag', 'role=we'], []],
  ])('filtered by %j', async (words, names) => {
    const shown = JSON.parse(await members([...words, '--json'])) as { name: string }[];
    expect(shown.map(({ name }) => name)).toEqual(names);
  });

  test('without a match are an empty table, and no failure', async () => {
    expect(await members(['--name', 'nobody'])).toBe('NODE  ADDRESS  STATUS  AGE  TAGS\n');
  });

  test('are colored only on a terminal, and not if NO_COLOR is set', async () => {
    const esc = '\u001b[';
    expect(await members([], { terminal: true })).toContain(`${esc}32malive${esc}39m`);
    expect(await members([])).not.toContain(esc);
    expect(await members([], { terminal: true, env: { NO_COLOR: '1' } })).not.toContain(esc);
    expect(await members(['--json'], { terminal: true })).not.toContain(esc);
  });
});

describe('join', () => {
  const join = async (answer: object, ...words: string[]) => {
    const { url, requests } = await startFakeAgent({ 'PUT /v1/hearsay/join': answer });
    return { ...(await hearsay(['join', '--http-addr', url, ...words])), requests };
  };
  const failed = [{ addr: 'b:1', error: 'connection refused' }];

  test('one seed of two is enough', async () => {
    const ran = await join({ joined: 1, failed }, '10.0.0.5', 'b:1');
    expect([ran.code, ran.out, ran.err]).toEqual([
      0,
      'joined through 1 of 2 seeds\n',
      'b:1: connection refused\n',
    ]);
    expect(ran.requests[0]).toMatchObject({ body: { seeds: ['10.0.0.5', 'b:1'] } });
    expect(ran.requests[0]?.headers['content-type']).toBe('application/json');
  });

  test('--replay is passed on', async () => {
    const ran = await join({ joined: 1, failed: [] }, '--replay', 'b:1');
    expect(ran.requests[0]).toMatchObject({ body: { seeds: ['b:1'], replay: true } });
  });

  test('no seed that answers is exit 1, with each error', async () => {
    const ran = await join({ joined: 0, failed }, '--json', 'b:1');
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.out)).toEqual({ joined: 0, failed });
    expect(ran.err).toMatch(/^b:1: connection refused\nhearsay: no seed answered: check/);
  });

  test('N26 what to do is what the agent advises, without control characters', async () => {
    const ran = await join({ joined: 0, failed, advice: 'check the name\u001b[2J' }, 'nosuch.invalid');
    expect(ran.err).toContain('hearsay: no seed answered: check the name');
    expect(ran.err).not.toContain('label');
    expect(ran.err).not.toContain('\u001b');
  });

  test('an invalid address is refused without a request', async () => {
    const ran = await join({ joined: 1, failed: [] }, '10.0.0.5:x');
    expect([ran.code, ran.requests.length]).toEqual([2, 0]);
  });
});

describe('other commands', () => {
  test('forget, and its alias of Serf', async () => {
    for (const verb of ['forget', 'force-leave']) {
      const { url, requests } = await startFakeAgent({ 'PUT /v1/hearsay/forget/web-2': { status: 200 } });
      const ran = await hearsay([verb, 'web-2', '--prune', '--http-addr', url]);
      expect([ran.code, ran.out, requests[0]?.url]).toEqual([
        0,
        'web-2 is forgotten\n',
        '/v1/hearsay/forget/web-2?prune',
      ]);
    }
  });

  test('forget refuses a live member, and a name cannot leave its place in the path', async () => {
    const { url, requests } = await startFakeAgent({
      'PUT /v1/hearsay/forget/web-1': { status: 409, body: 'web-1 is alive' },
    });
    expect(await hearsay(['forget', 'web-1', '--http-addr', url])).toEqual({
      code: 4,
      out: '',
      err: 'hearsay: web-1 is alive\n',
    });
    await hearsay(['forget', '../../agent/leave?x', '--http-addr', url]);
    expect(requests[1]?.url).toBe('/v1/hearsay/forget/..%2F..%2Fagent%2Fleave%3Fx');
  });

  test('tags', async () => {
    const { url, requests } = await startFakeAgent({ 'PUT /v1/hearsay/tags': { status: 200 } });
    expect((await hearsay(['tags', 'set', 'role=web', 'a==', '--http-addr', url])).code).toBe(0);
    expect((await hearsay(['tags', 'delete', 'a', 'b', '--http-addr', url])).code).toBe(0);
    expect(requests.map(({ body }) => body)).toEqual([
      { set: { role: 'web', a: '=' }, delete: [] },
      { set: {}, delete: ['a', 'b'] },
    ]);
    expect((await hearsay(['tags', 'set', 'role', '--http-addr', url])).code).toBe(2);
  });

  test('leave', async () => {
    const { url, requests } = await startFakeAgent({ 'PUT /v1/agent/leave': { status: 200 } });
    expect(await hearsay(['leave', '--http-addr', url])).toMatchObject({ code: 0, err: '' });
    expect(requests).toHaveLength(1);
  });

  test('info', async () => {
    const facts = {
      version: '0.1.0',
      node: 'web-1',
      datacenter: 'dc1',
      address: { gossip: '10.0.0.7:7946', http: '127.0.0.1:8500' },
      health: { awareness: 0 },
      members: { alive: 2, failed: 1, total: 3 },
      incarnation: 4,
      encrypted: true,
      leaving: false,
      uptimeMs: 3_700_000,
      degraded: ['the disk is full'],
      pid: 1,
    };
    const { url } = await startFakeAgent({ 'GET /v1/hearsay/info': facts });
    const { out } = await hearsay(['info', '--http-addr', url]);
    expect(out).toContain('gossip       10.0.0.7:7946, encrypted\n');
    expect(out).toContain('dns          off\n');
    expect(out).toContain('members      2 alive, 1 failed, 3 total\n');
    expect(out).toContain('uptime       1h\n');
    expect(out).toContain('degraded     the disk is full\n');
    expect(out).not.toContain('partition');
    expect(JSON.parse((await hearsay(['info', '--json', '--http-addr', url])).out)).toEqual(facts);

    const partitionSummary = {
      sentence: '2 of 3 members vanished together\u001b[2J',
      minuteAgo: { known: 3, visible: 1 },
      hourAgo: null,
    };
    const clouded = await startFakeAgent({ 'GET /v1/hearsay/info': { ...facts, partitionSummary } });
    const shown = (await hearsay(['info', '--http-addr', clouded.url])).out;
    expect(shown).toContain('partition    2 of 3 members vanished together[2J\n');
    expect(shown).toContain('\n             1 of 3 members known a minute ago are visible\n');
    expect(shown).not.toContain('an hour ago');
  });

  test('keygen prints 32 random bytes', async () => {
    const first = await hearsay(['keygen']);
    const second = JSON.parse((await hearsay(['keygen', '--json'])).out) as { key: string };
    expect(Buffer.from(first.out, 'base64')).toHaveLength(32);
    expect(Buffer.from(second.key, 'base64')).toHaveLength(32);
    expect(first.out.trim()).not.toBe(second.key);
  });

  test('version, as command and as option', async () => {
    const { out } = await hearsay(['version']);
    expect(out).toMatch(/^hearsay \d+\.\d+\.\d+\n$/);
    expect((await hearsay(['--version'])).out).toBe(out);
    expect(JSON.parse((await hearsay(['version', '--json'])).out)).toMatchObject({
      version: out.trim().split(' ')[1],
    });
  });
});
