import { describe, expect, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { GilbertElliott } from '../../../../src/sim/world/burst-loss.ts';
import {
  LAN_QUALITY,
  type LinkQuality,
  type NetworkRule,
  SimNetwork,
} from '../../../../src/sim/world/network.ts';

const network = (linkQuality: Partial<LinkQuality> = {}) =>
  new SimNetwork(createRng(3), { ...LAN_QUALITY, ...linkQuality });

/** How many of 2,000 datagrams arrive, copies included. */
const arriving = (
  net: SimNetwork,
  from = 'ann',
  to = 'bob',
  size = 100,
  kinds: readonly string[] = [],
): number => {
  let arrived = 0;
  for (let i = 0; i < 2000; i++) arrived += net.datagramDelays(from, to, size, () => kinds).length;
  return arrived;
};

test('without faults every datagram arrives once, within latency and jitter', () => {
  const net = network({ latency: 5, jitter: 2 });
  for (let i = 0; i < 100; i++) {
    const delays = net.datagramDelays('ann', 'bob', 10, () => []);
    expect(delays).toHaveLength(1);
    expect(delays[0]).toBeGreaterThanOrEqual(5);
    expect(delays[0]).toBeLessThan(7);
  }
});

test('loss and duplicates occur at their rates', () => {
  expect(arriving(network({ loss: 0.25 })) / 2000).toBeCloseTo(0.75, 1);
  expect(arriving(network({ duplicate: 0.25 })) / 2000).toBeCloseTo(1.25, 1);
});

test('a cut works in one direction only, and until it is lifted', () => {
  const net = network();
  const lift = net.addRule({ from: ['ann'], to: ['bob'] });

  expect(arriving(net, 'ann', 'bob')).toBe(0);
  expect(arriving(net, 'bob', 'ann')).toBe(2000);
  expect(arriving(net, 'ann', 'cat')).toBe(2000);
  expect(net.isBlocked('ann', 'bob')).toBe(true);
  expect(net.isBlocked('bob', 'ann')).toBe(false);
  lift();
  expect(arriving(net, 'ann', 'bob')).toBe(2000);
});

test.each<{ name: string; rule: NetworkRule; udp: number; blocked: boolean }>([
  { name: 'UDP only', rule: { transport: 'udp' }, udp: 0, blocked: false },
  { name: 'TCP only', rule: { transport: 'tcp' }, udp: 2000, blocked: true },
  { name: 'packets over 1,000 bytes', rule: { overBytes: 1000 }, udp: 2000, blocked: false },
  { name: 'packets over 50 bytes', rule: { overBytes: 50 }, udp: 0, blocked: false },
  { name: 'acks', rule: { kinds: ['ack'] }, udp: 0, blocked: false },
  { name: 'pings', rule: { kinds: ['ping'] }, udp: 2000, blocked: false },
])('an outage of $name', ({ rule, udp, blocked }) => {
  const net = network();
  net.addRule(rule);

  expect(arriving(net, 'ann', 'bob', 100, ['ack', 'alive'])).toBe(udp);
  expect(net.isBlocked('ann', 'bob')).toBe(blocked);
});

test('a rule by kind is the only reason to open a datagram', () => {
  const net = network();
  let opened = 0;
  const kinds = () => {
    opened += 1;
    return ['ping'];
  };
  net.datagramDelays('ann', 'bob', 10, kinds);
  net.addRule({ from: ['cat'], kinds: ['ack'] });
  net.datagramDelays('ann', 'bob', 10, kinds);
  expect(opened).toBe(0);

  net.datagramDelays('cat', 'bob', 10, kinds);
  expect(opened).toBe(1);
});

test('loss costs a stream time, never bytes', () => {
  const net = network({ latency: 1, jitter: 0, loss: 0.5 });
  const delays = Array.from({ length: 500 }, () => net.segmentDelay('ann', 'bob'));

  expect(Math.min(...delays)).toBe(1);
  expect(Math.max(...delays)).toBeGreaterThan(200);
});

test('healing lifts every rule', () => {
  const net = network();
  net.addRule({ from: ['ann'] });
  net.addRule({ loss: 0.9 });
  net.addRule({ delay: 1000 });

  net.heal();

  expect(arriving(net)).toBe(2000);
  expect(net.segmentDelay('ann', 'bob')).toBeLessThan(2);
});

test('a rule can duplicate or reorder datagrams without losing any', () => {
  const net = network();
  const lift = net.addRule({ to: ['bob'], duplicate: 0.5 });
  expect(arriving(net) / 2000).toBeCloseTo(1.5, 1);
  expect(arriving(net, 'ann', 'cat')).toBe(2000);
  lift();

  net.addRule({ maxReorderDelay: 1000 });
  const delays = Array.from(
    { length: 200 },
    () => net.datagramDelays('ann', 'bob', 10, () => [])[0] as number,
  );
  expect(Math.max(...delays)).toBeGreaterThan(900);
  expect(Math.min(...delays)).toBeLessThan(100);
  expect(net.isBlocked('ann', 'bob')).toBe(false);
});

test('a rule for some links applies to these, in one direction each', () => {
  const net = network();
  net.addRule({
    links: [
      ['ann', 'bob'],
      ['cat', 'ann'],
    ],
  });

  expect(arriving(net, 'ann', 'bob')).toBe(0);
  expect(arriving(net, 'bob', 'ann')).toBe(2000);
  expect(arriving(net, 'cat', 'ann')).toBe(0);
  expect(arriving(net, 'cat', 'bob')).toBe(2000);
  expect(net.isBlocked('ann', 'bob')).toBe(true);
  expect(net.isBlocked('ann', 'cat')).toBe(false);
});

test('a rule for openings blocks new streams, and no datagrams', () => {
  const net = network();
  net.addRule({ to: ['bob'], connectOnly: true });

  expect(net.isBlocked('ann', 'bob', true)).toBe(true);
  expect(net.isBlocked('ann', 'bob')).toBe(false);
  expect(net.isBlocked('bob', 'ann', true)).toBe(false);
  expect(arriving(net)).toBe(2000);
});

test('copies up to the given number, of which a few are very late', () => {
  const net = network({ latency: 1, jitter: 0 });
  net.addRule({ duplicate: 1, copies: 5, maxCopyDelay: 600_000 });
  const all = Array.from({ length: 500 }, () => [...net.datagramDelays('ann', 'bob', 10, () => [])]);

  expect(new Set(all.map((delays) => delays.length))).toEqual(new Set([2, 3, 4, 5]));
  expect(all.every(([first]) => first === 1)).toBe(true);
  const late = all.flatMap(([, ...copies]) => copies);
  expect(net.lastCopyAt).toBe(Math.max(...late)); // The clock stands at 0.
  expect(Math.max(...late)).toBeGreaterThan(300_000);
  expect(Math.max(...late)).toBeLessThanOrEqual(600_001);
  expect(late.filter((delay) => delay < 60_000).length).toBeGreaterThan(late.length / 2);
});

describe('bursts', () => {
  test('have their lengths, and their share of all time; each direction has its own', () => {
    const bursts = new GilbertElliott({ gap: 9000, burst: 1000 }, createRng(5));
    let bad = 0;
    let both = 0;
    let begun = 0;
    let before = false;
    for (let now = 0; now < 2_000_000; now += 10) {
      const there = bursts.isBad('ann', 'bob', now);
      if (there) bad += 1;
      if (there && bursts.isBad('bob', 'ann', now)) both += 1;
      if (there && !before) begun += 1;
      before = there;
    }
    expect(bad / 200_000).toBeGreaterThan(0.06);
    expect(bad / 200_000).toBeLessThan(0.15);
    expect((bad * 10) / begun).toBeGreaterThan(600);
    expect((bad * 10) / begun).toBeLessThan(1500);
    expect(both).toBeLessThan(bad / 2);
  });

  test('a rule with bursts cuts datagrams and streams now, and lets them pass later', () => {
    let now = 0;
    const net = new SimNetwork(createRng(3), LAN_QUALITY, () => now);
    net.addRule({ bursts: { gap: 1000, burst: 1000 } });
    const seen = new Set<boolean>();
    for (; now < 20_000; now += 100) {
      const blocked = net.isBlocked('ann', 'bob');
      expect(net.datagramDelays('ann', 'bob', 10, () => []).length === 0).toBe(blocked);
      seen.add(blocked);
    }
    expect(seen).toEqual(new Set([true, false]));
  });
});
