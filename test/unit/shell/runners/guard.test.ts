import { createServer } from 'node:http';
import { describe, expect, test } from 'vitest';
import { EgressGuard } from '../../../../src/shell/runners/guard.ts';
import { createRunners } from '../../../../src/shell/runners/index.ts';
import { listening, outcomeOf } from './support.ts';

const ownAddresses = (): string[] => [
  '127.0.0.1',
  '::1',
  '10.1.2.3',
  '172.17.0.1',
  'fd00:1::5',
  'fe80::1',
  '169.254.7.7',
];
const permits = (ip: string, allow: string[] = []): boolean =>
  new EgressGuard({ ownAddresses, allow }).isAllowed(ip);

describe('S15: which addresses checks may connect to', () => {
  test.each([
    ['loopback', '127.0.0.1'],
    ['all of loopback', '127.9.9.9'],
    ['loopback in IPv6', '::1'],
    ['mapped loopback', '::ffff:127.0.0.1'],
    ['an own address', '10.1.2.3'],
    ['an own address of a bridge', '172.17.0.1'],
    ['an own IPv6 address', 'fd00:1::5'],
  ])('%s: yes', (_, ip) => {
    expect(permits(ip)).toBe(true);
  });

  test.each([
    ['another private network', '10.1.3.1'],
    ['a neighbor in the network of an interface', '10.1.2.77'],
    ['a container on a bridge of this host', '172.17.0.9'],
    ['a neighbor in IPv6', 'fd00:1::77'],
    ['an own link-local address', '169.254.7.7'],
    ['the internet', '93.184.216.34'],
    ['the internet in IPv6', '2606:2800:220:1::1'],
    ['metadata of clouds', '169.254.169.254'],
    ['link-local', '169.254.7.8'],
    ['link-local in IPv6', 'fe80::2'],
    ['link-local with a zone', 'fe80::2%eth0'],
    ['mapped metadata', '::ffff:169.254.169.254'],
    ['mapped metadata in hexadecimal', '::ffff:a9fe:a9fe'],
    ['mapped metadata in full', '0:0:0:0:0:ffff:a9fe:a9fe'],
    ['translated metadata', '64:ff9b::a9fe:a9fe'],
    ['metadata of AWS in IPv6', 'fd00:ec2::254'],
    ['metadata of Alibaba', '100.100.100.200'],
    ['metadata of Azure', '168.63.129.16'],
    ['any address', '0.0.0.0'],
    ['any address in IPv6', '::'],
    ['no address', 'localhost'],
    ['nothing', ''],
  ])('%s: no', (_, ip) => {
    expect(permits(ip)).toBe(false);
  });

  test('a lookup that has ended gives its place back, whether or not it succeeded', async () => {
    const lookup = async (name: string): Promise<string[]> => {
      if (name.startsWith('bad')) throw new Error('no such name');
      return ['127.0.0.1'];
    };
    const guard = new EgressGuard({ lookup });
    const { signal } = new AbortController();
    for (let i = 0; i < 4; i++) {
      await expect(guard.resolve(`bad-${i}`, signal)).rejects.toThrow('no such name');
      await expect(guard.resolve(`good-${i}`, signal)).resolves.toEqual(['127.0.0.1']);
    }
  });

  test('the owner can allow more networks, but metadata services only by naming them', () => {
    expect(permits('192.168.7.7', ['192.168.0.0/16'])).toBe(true);
    expect(permits('93.184.216.34', ['0.0.0.0/0'])).toBe(true);
    expect(permits('169.254.169.254', ['0.0.0.0/0'])).toBe(false);
    expect(permits('fe80::2', ['::/0'])).toBe(false);
    expect(permits('169.254.169.254', ['169.254.169.254'])).toBe(true);
    expect(permits('169.254.9.9', ['169.254.169.254/32'])).toBe(false);
  });

  test.each(['10.0.0.0/33', '10.0.0/8', 'web.example/8', '::/129', '10.0.0.0/x', '10.0.0.0/-1', ''])(
    '%j is no network, and a mistake in the settings',
    (network) => {
      expect(() => new EgressGuard({ allow: [network] })).toThrow('is not a network such as 10.0.0.0/8');
      expect(() => createRunners({ allow: [network], allowExec: false, onOutcome: () => {} })).toThrow(
        /^checks: /,
      );
    },
  );
});

describe('S15: only checked addresses are dialed', () => {
  const hidden = (ip: string) => ({ lookup: async () => [ip], ownAddresses });

  test.each([
    ['denied ones around', ['169.254.169.254', '127.0.0.1', '10.9.9.9'], ['127.0.0.1']],
    [
      'a denied one first, as a rebinding answers',
      ['10.9.9.9', '127.0.0.2', '127.0.0.1'],
      ['127.0.0.2', '127.0.0.1'],
    ],
    ['both families', ['fd00:1::77', '::1', '10.1.2.77', '10.1.2.3'], ['::1', '10.1.2.3']],
    [
      'more denied ones than are dialed at all',
      [...Array.from({ length: 20 }, (_, i) => `10.9.9.${i + 1}`), '127.0.0.1'],
      ['127.0.0.1'],
    ],
    [
      'more than are dialed',
      Array.from({ length: 20 }, (_, i) => `127.0.0.${i + 1}`),
      Array.from({ length: 8 }, (_, i) => `127.0.0.${i + 1}`),
    ],
  ])('of a name with several addresses only those that are allowed: %s', async (_, addresses, allowed) => {
    const guard = new EgressGuard({ lookup: async () => addresses, ownAddresses });
    expect(await guard.resolve('many.example', new AbortController().signal)).toEqual(allowed);
  });

  test.each([
    ['http', { HTTP: 'http://inner.example/' }],
    ['an address in the URL', { HTTP: 'http://169.254.169.254/latest/meta-data/' }],
    ['an odd spelling of one', { HTTP: 'http://0xa9fea9fe/' }],
    ['a mapped one', { HTTP: 'http://[::ffff:169.254.169.254]/' }],
    ['tcp', { TCP: 'inner.example:80' }],
    ['udp', { UDP: 'inner.example:53' }],
    ['grpc', { GRPC: 'inner.example:80' }],
    ['h2ping', { H2PING: 'inner.example:80' }],
  ])('a name that resolves to a metadata service is denied: %s', async (_, value) => {
    const { status, output } = await outcomeOf(value, hidden('169.254.169.254'));
    expect(status).toBe('critical');
    expect(output).toMatch(/(169\.254\.169\.254|a9fe:a9fe) is denied to checks/);
  });

  test('DNS rebinding: a name is resolved once, and all requests of a run go to the first address', async () => {
    let asked = 0;
    const lookup = async (): Promise<string[]> => (asked++ === 0 ? ['127.0.0.1'] : ['169.254.169.254']);
    const port = await listening(
      createServer((request, response) => {
        if (request.url === '/') response.writeHead(302, { location: '/here' });
        response.end(request.headers.host);
      }),
    );
    const { output } = await outcomeOf({ HTTP: `http://web.example:${port}/` }, { lookup });
    expect(output).toContain(`Output: web.example:${port}`);
    expect(asked).toBe(1);
  });

  test('denied addresses are skipped, not dialed', async () => {
    const port = await listening(createServer((_, response) => response.end('well')));
    const lookup = async (): Promise<string[]> => ['169.254.169.254', '127.0.0.1'];
    expect(await outcomeOf({ HTTP: `http://web.example:${port}/` }, { lookup, ownAddresses })).toMatchObject({
      status: 'passing',
    });
  });

  test('a name without address, or a lookup that fails, is critical', async () => {
    const value = { TCP: 'web.example:80' };
    expect(await outcomeOf(value, { lookup: async () => [] })).toMatchObject({
      output: 'TCP connect web.example:80: web.example has no address',
    });
    const lookup = () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' }));
    expect(await outcomeOf(value, { lookup })).toMatchObject({
      status: 'critical',
      output: 'TCP connect web.example:80: no such host',
    });
  });

  test('a lookup that hangs fails at the timeout', async () => {
    const lookup = () => new Promise<string[]>(() => {});
    expect(await outcomeOf({ TCP: 'web.example:80', Timeout: '200ms' }, { lookup })).toMatchObject({
      output: 'no answer in 0.2 s',
    });
  });

  test('many checks of one name share one lookup, and few lookups run at once', async () => {
    const asked: string[] = [];
    const waiting: (() => void)[] = [];
    const guard = new EgressGuard({
      ownAddresses,
      lookup: (name) =>
        new Promise((resolve) => {
          asked.push(name);
          waiting.push(() => resolve(['127.0.0.1']));
        }),
    });
    const { signal } = new AbortController();
    const names = ['a', 'a', 'b', 'c', 'd', 'a'];
    const all = Promise.all(names.map((name) => guard.resolve(name, signal)));
    await Promise.resolve();
    expect(asked).toEqual(['a', 'b']);
    while (waiting.length > 0) {
      waiting.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(asked).toEqual(['a', 'b', 'c', 'd']);
    expect(await all).toEqual(names.map(() => ['127.0.0.1']));
  });
});

test('a denied address is told before a check runs; a name is not, since it may resolve to anything', () => {
  const guard = new EgressGuard({ allow: ['10.1.0.0/16'], ownAddresses: () => ['127.0.0.1'] });
  for (const host of ['127.0.0.1', '10.1.2.3', 'db.example', 'localhost', ''])
    expect([host, guard.explainDenial(host)]).toEqual([host, undefined]);
  for (const host of ['10.9.9.9', '169.254.169.254', '2001:db8::1'])
    expect(guard.explainDenial(host)).toBe(
      `${host} is denied to checks: it is no address of this host, and --check-allow does not name its network: start the agent with --check-allow ${host}`,
    );
});
