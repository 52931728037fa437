/** The cache of recursors' responses is bounded in number, size and time. */
import { type Answer, decode, encode } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { createRng } from '../../../../src/base/rng.ts';
import { RecursorCache } from '../../../../src/dns/recursor/cache.ts';
import { parseRecursorMessage, type RecursorMessage } from '../../../../src/dns/recursor/incoming.ts';

const SOA = (ttl: number, minimum: number): Answer => ({
  ...{ type: 'SOA', name: 'com', ttl },
  data: { mname: 'a.com', rname: 'b.com', serial: 1, refresh: 1, retry: 1, expire: 1, minimum },
});
const A = (ttl: number): Answer => ({ type: 'A', name: 'x.com', ttl, data: '192.0.2.1' });

const message = (answers: Answer[], authorities: Answer[] = [], flags = 0x80): Buffer =>
  encode({
    ...{ type: 'response', id: 1, flags, answers, authorities },
    questions: [{ type: 'A', name: 'x.com' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0x8000,
        flag_do: true,
        options: [],
      },
    ],
  });

const toUpstream = (bytes: Buffer) => ({ bytes, message: parseRecursorMessage(bytes) as RecursorMessage });

/** Seconds for which the response stays cached. */
function cachedSeconds(bytes: Buffer): number {
  const cache = new RecursorCache();
  cache.set('k', toUpstream(bytes), 5000);
  let seconds = 0;
  while (seconds < 100_000 && cache.get('k', 5000 + 1000 * seconds) !== undefined) seconds += 10;
  return seconds;
}

describe('S21: the cache', () => {
  test('an answer is cached for its shortest TTL, an hour at most', () => {
    expect(cachedSeconds(message([A(300), A(20)]))).toBe(20);
    expect(cachedSeconds(message([A(90_000)]))).toBe(3600);
    expect(cachedSeconds(message([A(0), A(300)]))).toBe(0);
    expect(cachedSeconds(message([A(0x8000_0001)]))).toBe(0);
  });

  test('a negative answer is cached as its SOA says, for a minute at most, and not without an SOA', () => {
    expect(cachedSeconds(message([], [SOA(900, 30)]))).toBe(30);
    expect(cachedSeconds(message([], [SOA(20, 900)], 0x83))).toBe(20);
    expect(cachedSeconds(message([], [SOA(900, 900)], 0x83))).toBe(60);
    expect(cachedSeconds(message([]))).toBe(0);
  });

  test('failures and truncated responses are not cached', () => {
    expect(cachedSeconds(message([A(300)], [], 0x82))).toBe(0);
    expect(cachedSeconds(message([A(300)], [], 0x280))).toBe(0);
  });

  test('TTLs count down from an hour at most, and the OPT is unchanged', () => {
    const cache = new RecursorCache();
    cache.set('k', toUpstream(message([A(90_000), A(90_000)])), 0);
    const later = decode(cache.get('k', 10_999) as Buffer);
    expect(later.answers?.map((record) => 'ttl' in record && record.ttl)).toEqual([3590, 3590]);
    expect(later.additionals?.[0]).toMatchObject({ type: 'OPT', flag_do: true });
  });

  test('a flood of names does not fill memory: the last 1024 used are kept (LRU)', () => {
    const cache = new RecursorCache();
    const one = toUpstream(message([A(300)]));
    cache.set('used often', one, 0);
    for (let i = 0; i < 5000; i++) {
      cache.set(`name ${i}`, one, 0);
      cache.get('used often', 0);
    }
    expect(cache.size).toBe(1024);
    expect(cache.get('used often', 0)).toBeDefined();
    expect(cache.get('name 0', 0)).toBeUndefined();
  });

  test('large responses are not cached', () => {
    const cache = new RecursorCache();
    cache.set('k', toUpstream(message(Array.from({ length: 300 }, () => A(300)))), 0);
    expect(cache.size).toBe(0);
  });
});

test('S3 20,000 mutated responses of a recursor are parsed or rejected, and never throw', () => {
  const rng = createRng(11);
  const whole = message([A(1), A(2)], [SOA(3, 4)]);
  let read = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(whole.subarray(0, rng.int(4) === 0 ? rng.int(whole.length) : whole.length));
    for (let n = rng.int(4); n >= 0 && bytes.length > 0; n--) bytes[rng.int(bytes.length)] = rng.int(256);
    if (parseRecursorMessage(bytes) !== undefined) read++;
  }
  expect(read).toBeGreaterThan(1000);
  expect(read).toBeLessThan(19_000);
});

test('a name with a pointer to itself or forwards is malformed', () => {
  const head = Buffer.from([0, 1, 0x80, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
  for (const name of [[0xc0, 12], [0xc0, 14], [1, 97, 0xc0, 12], [0xc0]])
    expect(
      parseRecursorMessage(Buffer.concat([head, Buffer.from([...name, 0, 1, 0, 1, 0])])),
    ).toBeUndefined();
});
