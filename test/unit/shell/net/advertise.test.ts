import type { NetworkInterfaceInfo } from 'node:os';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type AddressWatch,
  advertisedAddress,
  type NetworkInterfaces,
  watchAdvertisedAddress,
} from '../../../../src/shell/net/advertise.ts';
import { at } from '../support.ts';

const machine = (...addresses: string[]): NetworkInterfaces => ({
  some: addresses.map(
    (address) =>
      ({ address, internal: address.startsWith('127.') || address === '::1' }) as NetworkInterfaceInfo,
  ),
});

test.each([
  ['the bound address, if it is one', '10.0.0.7:80', undefined, [], '10.0.0.7:80'],
  ['what the operator says', '0.0.0.0:80', '203.0.113.9:90', ['10.0.0.7'], '203.0.113.9:90'],
  ['what the operator says, on the bound port', '0.0.0.0:80', '203.0.113.9:0', [], '203.0.113.9:80'],
  [
    'the first private address',
    '0.0.0.0:80',
    undefined,
    ['127.0.0.1', '203.0.113.9', '172.20.0.2', '10.0.0.7'],
    '172.20.0.2:80',
  ],
  [
    'else the first that is not loopback',
    '0.0.0.0:80',
    undefined,
    ['127.0.0.1', '169.254.3.4', '203.0.113.9'],
    '203.0.113.9:80',
  ],
  ['else loopback', '0.0.0.0:80', undefined, ['127.0.0.1', '169.254.3.4', 'fd00::5'], '127.0.0.1:80'],
  ['a private IPv4 before IPv6', '[::]:80', undefined, ['fd00::5', '192.168.1.2'], '192.168.1.2:80'],
  ['IPv6 where there is nothing else', '[::]:80', undefined, ['::1', 'fe80::1', 'fd00::5'], '[fd00::5]:80'],
  ['loopback of IPv6 where there is nothing at all', '[::]:80', undefined, ['::1'], '[::1]:80'],
  ['172.32 is public', '0.0.0.0:80', undefined, ['172.32.0.1', '192.168.0.1'], '192.168.0.1:80'],
])('it advertises %s', (_why, bound, advertise, addresses, expected) => {
  const told = advertisedAddress(
    at(bound),
    advertise === undefined ? undefined : at(advertise),
    machine(...addresses),
  );
  expect(told.key).toBe(expected);
});

describe('an address of the host that changes', () => {
  let now = machine('127.0.0.1', '10.0.0.7');
  let told: string[] = [];
  let lookout: AddressWatch | undefined;
  const look = (...addresses: string[]): void => {
    now = machine(...addresses);
    vi.advanceTimersByTime(5_000);
  };
  beforeEach(() => {
    vi.useFakeTimers();
    told = [];
    now = machine('127.0.0.1', '10.0.0.7');
    lookout = watchAdvertisedAddress(
      at('10.0.0.7:80'),
      at('0.0.0.0:80'),
      ({ key }) => told.push(key),
      () => now,
    );
  });
  afterEach(() => {
    lookout?.stop();
    vi.useRealTimers();
  });

  test('is reported once, with the same port', () => {
    look('127.0.0.1', '10.0.0.9');
    expect(told).toEqual(['10.0.0.9:80']);
  });

  test('is kept while the host still has it among several', () => {
    look('127.0.0.1', '10.0.0.3', '10.0.0.7');
    expect(told).toEqual([]);
  });

  test('is kept while the host has no network', () => {
    look('127.0.0.1');
    look('127.0.0.1', '10.0.0.7');
    expect(told).toEqual([]);
  });

  test('is not watched any more after stop', () => {
    lookout?.stop();
    look('127.0.0.1', '10.0.0.9');
    expect(told).toEqual([]);
  });
});
