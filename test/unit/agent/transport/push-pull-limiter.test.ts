import { expect, test } from 'vitest';
import { PushPullLimiter } from '../../../../src/agent/transport/push-pull-limiter.ts';
import { type Address, toAddress } from '../../../../src/base/address.ts';

const at = (host: number, port = 7946): Address =>
  toAddress(Uint8Array.of(10, 0, host >> 8, host & 0xff), port);
const nobody = (): number => 0;

/** How many of `tries` at one moment are allowed. */
function allowed(pace: PushPullLimiter, from: Address, now: number, tries: number, members = nobody): number {
  let count = 0;
  for (let i = 0; i < tries; i++) if (pace.tryAcquire(from, now, members)) count += 1;
  return count;
}

test('S10: an unknown address gets a burst, whatever its ports, then one in five seconds', () => {
  const pace = new PushPullLimiter();
  let count = 0;
  for (let port = 1; port <= 1000; port++) if (pace.tryAcquire(at(1, port), 0, nobody)) count += 1;
  expect(count).toBe(256);
  expect(allowed(pace, at(1), 4_999, 10)).toBe(0);
  expect(allowed(pace, at(1), 5_000, 10)).toBe(1);
  expect(allowed(pace, at(1), 20_000, 10)).toBe(3);
  expect(allowed(pace, at(2), 20_000, 10)).toBe(10); // others are not slowed
});

test('S10: a hundred members behind one address earn a hundred times as much', () => {
  const pace = new PushPullLimiter();
  expect(allowed(pace, at(1), 0, 1000, () => 100)).toBe(256);
  expect(allowed(pace, at(1), 5_000, 1000, () => 100)).toBe(100);
});

test('S10: after a rest there is a burst again, and no more', () => {
  const pace = new PushPullLimiter();
  allowed(pace, at(1), 0, 1000);
  expect(allowed(pace, at(1), 1e9, 1000)).toBe(256);
});

test('S10: members at an address are counted only after its burst', () => {
  const pace = new PushPullLimiter();
  let counted = 0;
  const count = (): number => {
    counted += 1;
    return 1;
  };
  allowed(pace, at(1), 0, 256, count);
  expect(counted).toBe(0);
  allowed(pace, at(1), 0, 1, count);
  expect(counted).toBe(1);
});

test('S10: the number of addresses that are tracked is bounded', () => {
  const pace = new PushPullLimiter();
  for (let host = 0; host < 10_000; host++) pace.tryAcquire(at(host), 0, nobody);
  expect(pace.size).toBe(4096);
});
