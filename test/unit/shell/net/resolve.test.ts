import type { SrvRecord } from 'node:dns';
import { describe, expect, test } from 'vitest';
import { resolveSeeds } from '../../../../src/shell/net/resolve.ts';
import { startDnsServer } from './dns.ts';

const keys = async (
  text: string,
  lookup?: (name: string) => Promise<readonly string[]>,
): Promise<string[]> => {
  const [seed] = await resolveSeeds([text], lookup ? { lookup } : {});
  return seed?.error === undefined ? (seed?.addresses ?? []).map(({ key }) => key) : [seed.error];
};

test.each([
  ['10.0.0.7', '10.0.0.7:7946'],
  ['10.0.0.7:80', '10.0.0.7:80'],
  ['[fd00::5]:80', '[fd00::5]:80'],
  ['fd00::5', '[fd00::5]:7946'],
  ['ann/10.0.0.7:80', '10.0.0.7:80'],
])('%s is %s', async (text, key) => {
  expect(await keys(text)).toEqual([key]);
});

test('a name resolves to all its addresses, each once', async () => {
  const lookup = async (name: string): Promise<string[]> =>
    name === 'seeds.example' ? ['10.0.0.1', 'fd00::1', '10.0.0.1', 'fe80::1%eth0'] : [];
  expect(await keys('seeds.example:80', lookup)).toEqual(['10.0.0.1:80', '[fd00::1]:80']);
  expect(await keys('ann/seeds.example', lookup)).toEqual(['10.0.0.1:7946', '[fd00::1]:7946']);
});

test('localhost resolves on every host', async () => {
  const found = await keys('localhost:80');
  expect(found.every((key) => ['127.0.0.1:80', '[::1]:80'].includes(key))).toBe(true);
  expect(found.length).toBeGreaterThan(0);
});

test.each([
  ['', 'not an address: write HOST, HOST:PORT or [IPV6]:PORT'],
  ['a b', 'not an address: write HOST, HOST:PORT or [IPV6]:PORT'],
  ['10.0.0.7:70000', 'not an address: write HOST, HOST:PORT or [IPV6]:PORT'],
  ['10.0.0.7:0', 'port 0 cannot be dialed: write the port the other agent listens on'],
  ['10.0.0.300', '10.0.0.300 is not an IPv4 address'],
])('%j is refused with a message', async (text, sentence) => {
  expect(await keys(text)).toEqual([sentence]);
});

test.each([
  ['ENOTFOUND', 'x.example does not resolve: no such name'],
  ['EAI_AGAIN', 'x.example does not resolve: the name server did not answer'],
  ['EFAIL', 'x.example does not resolve: EFAIL'],
])('a lookup that fails with %s has a message of its own', async (code, sentence) => {
  const lookup = (): Promise<string[]> => Promise.reject(Object.assign(new Error(code), { code }));
  expect(await keys('x.example', lookup)).toEqual([sentence]);
});

test('a name server that never answers delays one seed up to the timeout, and no other seed', async () => {
  const seeds = await resolveSeeds(['slow.example', '10.0.0.1', 'quick.example'], {
    timeout: 30,
    lookup: (name) => (name === 'quick.example' ? Promise.resolve(['10.0.0.2']) : new Promise(() => {})),
  });
  expect(seeds.map(({ text }) => text)).toEqual(['slow.example', '10.0.0.1', 'quick.example']);
  expect(seeds[0]).toEqual({
    text: 'slow.example',
    addresses: [],
    error: 'the lookup of slow.example timed out: no answer in 0.03 s',
  });
  expect(seeds.slice(1).map(({ addresses }) => addresses[0]?.key)).toEqual([
    '10.0.0.1:7946',
    '10.0.0.2:7946',
  ]);
});

describe('a name of SRV records', () => {
  const srv = (target: string, port: number, priority = 1, weight = 1) =>
    ({ type: 'SRV', name: '_hearsay._tcp.example', data: { target, port, priority, weight } }) as const;
  const a = (name: string, data: string) => ({ type: 'A', name, data }) as const;

  test('resolves to its targets with their ports, by priority; a port of the seed wins', async () => {
    const resolver = await startDnsServer('127.73.1.1', {
      'SRV _hearsay._tcp.example': [
        srv('late.example', 7001, 9),
        srv('one.example', 7002),
        srv('gone.example', 7003),
      ],
      'A one.example': [a('one.example', '10.0.0.1'), a('one.example', '10.0.0.2')],
      'A late.example': [a('late.example', '10.0.0.9')],
    });
    const options = {
      lookup: (name: string) => resolver.resolve4(name),
      lookupServers: (name: string) => resolver.resolveSrv(name),
    };
    const [found] = await resolveSeeds(['_hearsay._tcp.example'], options);
    expect(found?.addresses.map(({ key }) => key)).toEqual([
      '10.0.0.1:7002',
      '10.0.0.2:7002',
      '10.0.0.9:7001',
    ]);
    const [none] = await resolveSeeds(['_other._tcp.example'], options);
    expect(none?.error).toBe('_other._tcp.example does not resolve: no such name');
    const [again] = await resolveSeeds(['_hearsay._tcp.example:80'], options);
    expect(again?.addresses.map(({ key }) => key)).toEqual(['10.0.0.1:80', '10.0.0.2:80', '10.0.0.9:80']);
  });

  test('without records, with the root as target, or without an address has a message', async () => {
    const lookup = async (): Promise<string[]> => [];
    const error = async (servers: Promise<SrvRecord[]>): Promise<string | undefined> =>
      (await resolveSeeds(['_h._tcp.example'], { lookup, lookupServers: () => servers }))[0]?.error;
    const record = { name: 'a.example', port: 1, priority: 1, weight: 1 };
    expect(await error(Promise.resolve([{ ...record, name: '' }]))).toBe('_h._tcp.example has no address');
    expect(await error(Promise.resolve([record]))).toBe('_h._tcp.example has no address');
    const timeout = Object.assign(new Error('x'), { code: 'ETIMEOUT' });
    expect(await error(Promise.reject(timeout))).toMatch(/does not resolve: the name server did not answer$/);
  });

  test('one target whose name server is silent does not hold back the others', async () => {
    const [seed] = await resolveSeeds(['_h._tcp.example'], {
      timeout: 60,
      lookup: (name) => (name === 'well.example' ? Promise.resolve(['10.0.0.1']) : new Promise(() => {})),
      lookupServers: async () =>
        ['silent.example', 'well.example'].map((name) => ({ name, port: 7, priority: 1, weight: 1 })),
    });
    expect(seed?.addresses.map(({ key }) => key)).toEqual(['10.0.0.1:7']);
  });
});
