import { describe, expect, test } from 'vitest';
import { StreamSlots } from '../../../../src/agent/transport/stream-slots.ts';
import { type Address, parseAddress } from '../../../../src/base/address.ts';

const at = (host: string): Address => parseAddress(host, 50_000) as Address;

/** Takes a place for each host, numbered from 1; returns the streams that lost theirs. */
function fill(
  slots: StreamSlots,
  hosts: readonly string[],
  isMember = false,
  from = 1,
): (number | undefined)[] {
  return hosts.map((host, i) => slots.take(from + i, at(host), isMember));
}
const hosts = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

describe('S1 places for streams', () => {
  test.each([
    ['a /24', hosts('10.0.0.', 8)],
    ['a /64', hosts('2001:db8:0:1::', 8)],
    ['one address on loopback', Array.from({ length: 8 }, () => '127.0.0.9')],
  ])('%s that holds all of them loses its oldest one to a newcomer', (_, flood) => {
    const slots = new StreamSlots(8);
    fill(slots, flood);
    expect(slots.take(100, at('192.0.2.1'), false)).toBe(1);
    expect(slots.has(100)).toBe(true);
    expect(slots.take(101, at('192.0.2.2'), false)).toBe(2);
    expect(slots.size).toBe(8);
  });

  test('addresses of loopback are networks of their own, and so are those of other /24 and /64', () => {
    for (const flood of [
      hosts('127.0.0.', 8),
      ['10.0.0.1', '10.0.1.1', '10.0.2.1'],
      ['fd00:0:0:1::1', 'fd00:0:0:2::1'],
    ]) {
      const slots = new StreamSlots(flood.length);
      fill(slots, [...flood.slice(1), flood[1] as string]);
      // The one that has two loses one.
      expect(slots.take(100, at(flood[0] as string), false)).toBe(1);
    }
  });

  test('who floods loses its own streams, whoever else comes', () => {
    const slots = new StreamSlots(8);
    fill(slots, ['192.0.2.1', ...hosts('10.0.0.', 7)]);
    const lost = fill(slots, hosts('10.0.0.', 100), false, 100);
    expect(lost.every((stream) => stream !== undefined)).toBe(true);
    expect(slots.has(1)).toBe(true);
  });

  test('members keep theirs while strangers of many networks come', () => {
    const slots = new StreamSlots(8);
    fill(slots, ['192.0.2.1', '192.0.2.2'], true);
    for (let i = 0; i < 200; i++) slots.take(100 + i, at(`10.${i}.0.1`), false);
    expect([slots.has(1), slots.has(2), slots.size]).toEqual([true, true, 8]);
  });

  test('and one that holds all of them loses some to a newcomer', () => {
    const slots = new StreamSlots(16);
    fill(
      slots,
      Array.from({ length: 16 }, () => '192.0.2.1'),
      true,
    );
    expect(slots.take(100, at('10.0.0.1'), false)).toBe(1);
  });

  test('a place that is given back is free, once', () => {
    const slots = new StreamSlots(2);
    fill(slots, ['10.0.0.1', '10.0.0.2']);
    slots.release(1);
    slots.release(1);
    expect(slots.take(3, at('10.0.0.3'), false)).toBeUndefined();
    expect(slots.take(4, at('10.0.1.1'), false)).toBe(2);
  });
});
