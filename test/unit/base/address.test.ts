import { describe, expect, test } from 'vitest';
import {
  formatAddress,
  isLoopback,
  isUnspecified,
  parseAddress,
  parseIp,
  splitHostPort,
  toAddress,
} from '../../../src/base/address.ts';

describe('IP literals', () => {
  test.each([
    ['127.0.0.1', '7f000001'],
    ['0.0.0.0', '00000000'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['fd00::5', `fd00${'0'.repeat(27)}5`],
    ['::ffff:127.0.0.1', `${'0'.repeat(20)}ffff7f000001`],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1::8', `0001${'0'.repeat(24)}0008`],
  ])('%s', (literal, hex) => {
    expect(Buffer.from(parseIp(literal) ?? []).toString('hex')).toBe(hex);
  });

  test.each([
    '127.0.0.01', // leading zeros are octal elsewhere
    '0x7f.0.0.1',
    '127.1',
    '256.0.0.1',
    '1.2.3',
    '1.2.3.4.5',
    '',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::g',
    '::1.2.3',
    'localhost',
  ])('refuses "%s"', (literal) => {
    expect(parseIp(literal)).toBeUndefined();
  });
});

describe('addresses', () => {
  test('the 4- and the 16-octet form of one IPv4 address are two addresses with the same host', () => {
    const short = parseAddress('10.0.0.1:7946');
    const long = parseAddress('[::ffff:10.0.0.1]:7946');
    expect(short?.key).not.toBe(long?.key);
    expect(short?.host).toBe('10.0.0.1');
    expect(long?.host).toBe('10.0.0.1');
  });

  test.each([
    ['fd00:0:0:0:0:0:0:5', '[fd00::5]:1'],
    ['1:0:0:2:0:0:0:3', '[1:0:0:2::3]:1'],
    ['1:0:2:3:4:5:6:7', '[1:0:2:3:4:5:6:7]:1'],
    ['::', '[::]:1'],
    ['FD00::ABCD', '[fd00::abcd]:1'],
  ])('%s is written %s', (literal, written) => {
    const ip = parseIp(literal);
    expect(ip && formatAddress(toAddress(ip, 1))).toBe(written);
  });

  test('an address does not share memory with the datagram it came from', () => {
    const datagram = Uint8Array.of(127, 0, 0, 1);
    const kept = toAddress(datagram, 1);
    datagram[0] = 10;
    expect(kept.ip[0]).toBe(127);
  });

  test.each(['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1'])('%s is loopback', (literal) => {
    expect(isLoopback(parseIp(literal) as Uint8Array)).toBe(true);
  });
  test.each(['128.0.0.1', '10.0.0.1', '::', '::2', 'fe80::1', '::ffff:10.0.0.1'])('%s is not', (literal) => {
    expect(isLoopback(parseIp(literal) as Uint8Array)).toBe(false);
  });
  test('only all zeros is unspecified', () => {
    expect(isUnspecified(parseIp('::') as Uint8Array)).toBe(true);
    expect(isUnspecified(parseIp('0.0.0.1') as Uint8Array)).toBe(false);
  });
});

test.each([
  ['db-1', { host: 'db-1', port: undefined }],
  ['db-1:7946', { host: 'db-1', port: 7946 }],
  ['[fd00::5]', { host: 'fd00::5', port: undefined }],
  ['[fd00::5]:1', { host: 'fd00::5', port: 1 }],
  ['fd00::5', { host: 'fd00::5', port: undefined }],
  ['a:b', undefined],
  ['a:65536', undefined],
  ['a b', undefined],
  ['', undefined],
])('"%s" is split', (literal, expected) => {
  expect(splitHostPort(literal)).toEqual(expected);
});
