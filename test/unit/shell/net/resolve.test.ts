import { expect, test } from 'vitest';
import { resolveSeeds } from '../../../../src/shell/net/resolve.ts';

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
