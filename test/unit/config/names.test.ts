import { describe, expect, test } from 'vitest';
import { parseIp } from '../../../src/base/address.ts';
import {
  foldName,
  isInNetwork,
  nameProblem,
  parseCidr,
  suggestSimilar,
  toNodeName,
  validateDomain,
  validateGossipKey,
  validateNodeName,
  validateSelfService,
  validateServicePattern,
  validateToken,
} from '../../../src/config/names.ts';
import { SETTINGS } from '../../../src/config/schema.ts';

describe('node names', () => {
  test.each(['web-1', 'a', 'host.example.org', 'N'.repeat(128), 'a_b', 'a b', 'a/b', 'ü', '<b>'])(
    '%s is one',
    (name) => {
      expect(() => validateNodeName(name)).not.toThrow();
    },
  );

  test.each(['', ' a', 'a ', 'a\n', 'a\u200bb', 'u\u0308', 'N'.repeat(129), 'ü'.repeat(65)])(
    '%j is none',
    (name) => {
      expect(() => validateNodeName(name)).toThrow('must');
    },
  );

  test.each([
    ['web-1', 'web-1'],
    ['my_host.local', 'my-host.local'],
    ["Ann's MacBook", 'Ann-s-MacBook'],
    ['___', 'node'],
    ['', 'node'],
  ])('the host %j gives %s', (hostname, name) => {
    expect(toNodeName(hostname)).toBe(name);
    expect(() => validateNodeName(toNodeName(hostname))).not.toThrow();
  });
});

test.each([
  ['a\u001b[31m', 'printed'],
  ['a\u202eb', 'printed'],
  ['a\u200bb', 'printed'],
  ['a\ufe0f', 'printed'],
  ['a\u2028b', 'printed'],
  ['\u00a0a', 'blank'],
  ['a ', 'blank'],
  ['e\u0301', 'NFC'],
  ['\u212aelvin', 'NFC'],
])('S16 %j is no name of a member', (name, clause) => {
  expect(nameProblem(name)).toContain(clause);
});

test('S16 what agents of Serf may be called is a name', () => {
  for (const name of ['web_1', 'my node', 'n/1', 'größe', '北京', '\u{1f600}', 'x'.repeat(255)])
    expect([name, nameProblem(name)]).toEqual([name, undefined]);
});

test('S16 names fold alike if readers or DNS could take one for the other', () => {
  for (const [one, other] of [
    ['ann', 'ANN'],
    ['größe', 'GRÖSSE'],
    ['ann', '\uff41nn'],
    ['a b', 'a\u00a0b'],
    ['ſam', 'sam'],
  ] as const)
    expect(foldName(one)).toBe(foldName(other));
  for (const [one, other] of [
    ['ann', 'anna'],
    ['web_1', 'web-1'],
    ['ü', 'u'],
  ] as const)
    expect(foldName(one)).not.toBe(foldName(other));
});

test('a gossip key is base64 of 16, 24 or 32 bytes', () => {
  for (const bytes of [16, 24, 32])
    expect(() => validateGossipKey(Buffer.alloc(bytes, 7).toString('base64'))).not.toThrow();
  for (const wrong of ['', 'abc', Buffer.alloc(15).toString('base64'), Buffer.alloc(33).toString('base64')])
    expect(() => validateGossipKey(wrong)).toThrow('as `hearsay keygen` prints it');
  expect(() => validateGossipKey(`${Buffer.alloc(16).toString('base64')}\n`)).toThrow('base64');
});

test('a token cannot end a header (S17)', () => {
  expect(() => validateToken('s3cret')).not.toThrow();
  for (const wrong of ['', 'a b', 'a\r\nX: y', 'ü', 'x'.repeat(513)])
    expect(() => validateToken(wrong)).toThrow('visible ASCII');
});

test('domains', () => {
  for (const fine of ['consul', 'sd.example.org', 'sd.example.org.'])
    expect(() => validateDomain(fine)).not.toThrow();
  for (const wrong of ['', '.', 'a..b', 'a b', 'x'.repeat(64)])
    expect(() => validateDomain(wrong)).toThrow('must be a domain name');
});

test.each([
  ['retry_join', 'retryJoin'],
  ['probeInterval', 'swim.probeInterval'],
  ['swim.probInterval', 'swim.probeInterval'],
  ['dataDirectory', undefined],
  ['x', undefined],
])('who writes %s meant %s', (key, meant) => {
  expect(suggestSimilar(key, SETTINGS.keys())).toBe(meant);
});

describe('networks', () => {
  const holds = (cidr: string, literal: string): boolean =>
    isInNetwork(parseIp(literal) ?? new Uint8Array(), parseCidr(cidr));

  test.each([
    ['10.0.0.0/8', '10.255.0.1', '11.0.0.1'],
    ['10.1.64.0/18', '10.1.127.255', '10.1.128.0'],
    ['192.0.2.7', '192.0.2.7', '192.0.2.8'],
    ['192.0.2.6/31', '192.0.2.7', '192.0.2.8'],
    ['fd00::/8', 'fdff::1', 'fe00::1'],
    ['fd00::8/125', 'fd00::f', 'fd00::10'],
  ])('%s holds %s and not %s', (cidr, inside, outside) => {
    expect([holds(cidr, inside), holds(cidr, outside)]).toEqual([true, false]);
  });

  test('of all addresses cover one family', () => {
    expect([holds('0.0.0.0/0', '203.0.113.1'), holds('0.0.0.0/0', '::1')]).toEqual([true, false]);
    expect([holds('::/0', 'fd00::1'), holds('::/0', '10.0.0.1')]).toEqual([true, false]);
  });

  test.each(['', '10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', 'a/8'])(
    '%j is none',
    (cidr) => {
      expect(() => parseCidr(cidr)).toThrow();
    },
  );

  test('10.0.0.1/8 is refused as a likely mistake', () => {
    expect(() => parseCidr('10.0.0.1/8')).toThrow('"10.0.0.1/8" has bits set after the first 8');
  });
});

test.each(['web', 'web-*', '*', 'a.b_c'])('%s selects services', (pattern) => {
  expect(() => validateServicePattern(pattern)).not.toThrow();
});

test.each(['', '**', 'w*b', '*web', 'a b', 'a=b'])('%j selects none', (pattern) => {
  expect(() => validateServicePattern(pattern)).toThrow('must be the name of a service, prefix* or *');
});

test('the service of the agent has a name, or is off', () => {
  for (const name of ['consul', 'my.sd_1', 'off']) expect(() => validateSelfService(name)).not.toThrow();
  for (const name of ['', 'a b', 'é', 'n'.repeat(129)])
    expect(() => validateSelfService(name)).toThrow('must');
});
