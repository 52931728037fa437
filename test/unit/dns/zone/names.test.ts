import { describe, expect, test } from 'vitest';
import { type ParsedName, parseName, parseZoneNames } from '../../../../src/dns/zone/names.ts';

const names = parseZoneNames('consul.', 'corp.example', 'dc1');

/** A parsed name as text: `node a.b`, `service web tag blue`. */
function read(name: string): string {
  const parsed: ParsedName = parseName(name === '' ? [] : name.split('.'), names);
  switch (parsed.kind) {
    case 'node':
    case 'query':
      return `${parsed.kind} ${parsed.name}`;
    case 'service':
      return `service ${parsed.name}${parsed.tag === undefined ? '' : ` tag ${parsed.tag}`}`;
    case 'addr':
    case 'reverse':
      return `${parsed.kind} ${Buffer.from(parsed.ip).toString('hex')}`;
    default:
      return parsed.kind;
  }
}

describe('what a name means', () => {
  test.each([
    ['web.service.consul', 'service web'],
    ['web.service.dc1.consul', 'service web'],
    ['v1.web.service.consul', 'service web tag v1'],
    ['tag.dot.mixed.service.consul', 'service mixed tag tag.dot'],
    ['_web._tcp.service.consul', 'service web'],
    ['_web._TCP.service.consul', 'service web'],
    ['_web._v1.service.consul', 'service web tag v1'],
    ['_web._udp.service.consul', 'service web tag udp'],
    ['_web._tcp.consul', 'service web'],
    ['_web._tcp.dc1.consul', 'service web'],
    ['web.service.default.ns.dc1.dc.consul', 'service web'],
    ['v1.web.service.default.ns.default.ap.dc1.dc.consul', 'service web tag v1'],
    ['_web._v1.service.Default.AP.consul', 'service web tag v1'],
    ['d1.node.default.ap.DC1.dc.consul', 'node d1'],
    ['web.service.other.ns.consul', 'nonexistent'],
    ['web.service.dc2.dc.consul', 'nonexistent'],
    ['web.service.far.peer.consul', 'nonexistent'],
    ['web.service.default.sg.consul', 'nonexistent'],
    ['d1.node.consul', 'node d1'],
    ['D1.Node.DC1.Consul', 'node D1'],
    ['a.b.node.dc1.consul', 'node a.b'],
    ['two words.node.consul', 'node two words'],
    ['0a000001.addr.consul', 'addr 0a000001'],
    ['0A000001.addr.dc1.consul', 'addr 0a000001'],
    ['fd000000000000000000000000000006.addr.dc1.consul', 'addr fd000000000000000000000000000006'],
    ['0a00.addr.consul', 'nonexistent'],
    ['zz000001.addr.consul', 'nonexistent'],
    ['x.0a000001.addr.consul', 'nonexistent'],
    ['best.query.consul', 'query best'],
    ['web.connect.consul', 'nonexistent'],
    ['web.ingress.consul', 'nonexistent'],
    ['web.virtual.consul', 'nonexistent'],
    ['web.consul', 'nonexistent'],
    ['d1.node.dc2.consul', 'nonexistent'],
    ['ns.consul', 'ns'],
    ['x.ns.consul', 'nonexistent'],
    ['consul', 'apex'],
    ['d1.node.corp.example', 'node d1'],
    ['corp.example', 'apex'],
    ['example', 'outOfZone'],
    ['consul.example.com', 'outOfZone'],
    ['notconsul', 'outOfZone'],
    ['', 'outOfZone'],
  ])('%s is %s', (name, expected) => {
    expect(read(name)).toBe(expected);
  });

  test.each([
    'service.consul',
    'node.consul',
    'addr.consul',
    'query.consul',
    'dc1.consul',
    'service.dc1.consul',
    'node.dc1.consul',
    '_tcp.service.consul',
    '_web.service.dc1.consul',
    '_tcp.consul',
    '_tcp.dc1.consul',
    'dc.consul',
    'dc1.dc.consul',
    'ns.dc1.dc.consul',
    'default.ns.dc1.dc.consul',
    'service.default.ns.dc1.dc.consul',
    '10.in-addr.arpa',
    '8.b.d.0.1.0.0.2.ip6.arpa',
  ])('N3 %s is an empty non-terminal', (name) => {
    expect(read(name)).toBe('emptyNonTerminal');
  });
});

test('D5 the domain is the one in the question, in its letter case', () => {
  expect(parseName(['d1', 'node', 'Corp', 'EXAMPLE'], names)).toMatchObject({ domain: 'Corp.EXAMPLE' });
});

describe('reverse names', () => {
  test.each([
    ['1.0.0.10.in-addr.arpa', 'reverse 0a000001'],
    ['1.0.0.10.IN-ADDR.ARPA', 'reverse 0a000001'],
    [
      '5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.D.F.ip6.arpa',
      'reverse fd000000000000000000000000000005',
    ],
    ['1.0.0.256.in-addr.arpa', 'nonexistent'],
    ['01.0.0.10.in-addr.arpa', 'nonexistent'],
    ['0/25.2.0.192.in-addr.arpa', 'nonexistent'],
    ['9.1.0.0.10.in-addr.arpa', 'nonexistent'],
    ['g.d.f.ip6.arpa', 'nonexistent'],
  ])('%s is %s', (name, expected) => {
    expect(read(name)).toBe(expected);
  });
});

test('of two nested domains the longer one matches', () => {
  const nested = parseZoneNames('consul', 'east.consul', 'dc1');
  expect(parseName(['east', 'consul'], nested)).toEqual({ kind: 'apex', domain: 'east.consul' });
  expect(parseName(['node', 'east', 'consul'], nested)).toEqual({
    kind: 'emptyNonTerminal',
    domain: 'east.consul',
  });
});

test.each([
  ['', 'dc1'],
  ['.', 'dc1'],
  ['a..b', 'dc1'],
  [`${'x'.repeat(64)}.y`, 'dc1'],
  ['consul', 'my dc'],
  ['consul', ''],
  ['consul', 'a.b'],
])('domain %j with datacenter %j is refused: it is not valid in DNS', (domain, datacenter) => {
  expect(() => parseZoneNames(domain, undefined, datacenter)).toThrow(
    expect.objectContaining({ code: 'config' }),
  );
});
