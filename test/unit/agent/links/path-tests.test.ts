import { beforeEach, describe, expect, test } from 'vitest';
import type { LinkReport } from '../../../../src/agent/contract/links.ts';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import { PathTests } from '../../../../src/agent/links/path-tests.ts';
import { DatagramLimits } from '../../../../src/agent/transport/datagram-limits.ts';
import { toAddress } from '../../../../src/base/address.ts';
import type { Member } from '../../../../src/swim/types.ts';

const makeMember = (name: string, host: number): Member => ({
  ...{ state: 'alive', incarnation: 1, since: 0 },
  identity: {
    ...{ name, meta: new Uint8Array(0), vsn: Uint8Array.of(1, 5, 2, 2, 5, 5) },
    address: toAddress(Uint8Array.of(10, 0, 0, host), 7946),
  },
});
const NAMES = ['bob', 'cat', 'dan', 'eve', 'fay', 'serf'];

let members: Map<string, Member>;
let started: string[];
let dialed: string[];
let limits: DatagramLimits;
let paths: PathTests;
let out: Effect[];

const of = (name: string): Member => members.get(name) as Member;
const facts = (): unknown[] => out.map((effect) => effect.kind === 'fact' && effect.fact);
const tested = (to: string, longest: number, blocked: number, now: number): void =>
  paths.onTested({ to, longest, blocked, sent: 16, answered: 16 } as LinkReport, now, out);
function lose(name: string, bytes: number, now: number): void {
  limits.recordPing(of(name), bytes);
  paths.onDirectPingLost(of(name), now, out);
}

beforeEach(() => {
  members = new Map(NAMES.map((name, i) => [name, makeMember(name, i + 2)]));
  [started, dialed, out, limits] = [[], [], [], new DatagramLimits()];
  const peers = [...members.values()].filter(({ identity }) => identity.name !== 'serf');
  const dial = (kind: string, { to }: { to: { key: string } }): void => void dialed.push(`${kind} ${to.key}`);
  const parts = {
    members,
    catalogPeers: {
      isCatalogPeer: (peer: Member) => peers.includes(peer),
      pickRandom: (count: number, isWanted: (peer: Member) => boolean) =>
        peers.filter(isWanted).slice(0, count),
    },
    packets: { limits },
    streams: {
      dialRequest: (request: never) => dial('request', request),
      dialPushPull: (request: never) => dial('pushPull', request),
    },
  };
  paths = new PathTests(parts as never, 1400, ({ identity }) => started.push(identity.name) > 0);
});

describe('a path is tested', () => {
  test('once a long ping was lost, not for a short one, nor at an agent of Serf', () => {
    lose('bob', 256, 0);
    lose('serf', 1400, 0);
    expect(started).toEqual([]);
    lose('bob', 257, 0);
    expect(started).toEqual(['bob']);
  });

  test('not again within 30 s, and later each time if it shows nothing', () => {
    for (const now of [0, 29_000, 40_000, 90_000, 110_000, 1e6]) {
      const before = started.length;
      lose('bob', 1400, now);
      if (started.length > before) tested('bob', 1472, 0, now);
    }
    expect(started).toHaveLength(4);
  });

  test('at most four times at once, whoever is lost', () => {
    for (const name of ['bob', 'cat', 'dan', 'eve', 'fay']) lose(name, 1400, 0);
    expect(started).toHaveLength(4);
  });

  test('at three others when one is found, and not at more when those are', () => {
    lose('bob', 1400, 0);
    tested('bob', 512, 1024, 0);
    expect(started).toEqual(['bob', 'cat', 'dan', 'eve']);
    tested('bob', 128, 512, 1);
    expect(started).toHaveLength(4);
  });

  test('at no others if somebody else has asked for the test', () => {
    tested('bob', 512, 1024, 0);
    expect([started, limits.get(of('bob'))]).toEqual([[], 512]);
  });
});

describe('what a test has shown', () => {
  test.each([
    [1024, 1400, 1024],
    [512, 1024, 512],
    [128, 512, 256],
  ])('%i bytes pass, and %i do not: %i at most', (longest, blocked, limit) => {
    tested('bob', longest, blocked, 0);
    expect(limits.get(of('bob'))).toBe(limit);
    expect(facts()).toEqual([{ kind: 'longDatagramsLost', node: 'bob', bytes: blocked, limit }]);
  });

  test('that only longer ones than ours get lost changes nothing, and so does a test that was lost as a whole', () => {
    tested('bob', 1400, 1472, 0);
    tested('cat', 0, 0, 0);
    expect([limits.get(of('bob')), limits.get(of('cat')), facts()]).toEqual([undefined, undefined, []]);
  });

  test('that all pass again: the limit is gone', () => {
    tested('bob', 512, 1024, 0);
    tested('bob', 0, 0, 40_000);
    expect(limits.get(of('bob'))).toBe(512);
    tested('bob', 1472, 0, 80_000);
    expect(limits.get(of('bob'))).toBeUndefined();
    expect(facts().at(-1)).toEqual({ kind: 'longDatagramsPass', node: 'bob' });
  });
});

describe('while nothing long is said', () => {
  test('who has a limit is tested again 2 min after the last test, one each 30 s', () => {
    for (const name of ['bob', 'cat']) tested(name, 512, 1024, 0);
    started = [];
    for (let now = 0; now < 145_000; now += 1000) paths.advance(now, out);
    expect(started).toEqual(['bob']);
    tested('bob', 512, 1024, 145_000);
    for (let now = 145_000; now < 260_000; now += 1000) paths.advance(now, out);
    expect(started).toEqual(['bob', 'cat']);
  });

  test('and once long datagrams reach one, three others that have a limit are', () => {
    for (const name of ['bob', 'cat', 'dan', 'eve', 'fay']) tested(name, 512, 1024, 0);
    paths.advance(120_000, out);
    started = [];
    tested('bob', 1472, 0, 121_000);
    expect(started).toEqual(['cat', 'dan', 'eve']);
  });

  test('nobody is tested if there is no limit, or who has it is no member', () => {
    tested('bob', 512, 1024, 0);
    members.delete('bob');
    started = [];
    for (let now = 0; now < 300_000; now += 1000) paths.advance(now, out);
    expect(started).toEqual([]);
  });
});

describe('what was too long', () => {
  test('goes by a stream; for SWIM there is a push/pull in 2 s; and the path is tried when its time has come', () => {
    tested('bob', 512, 1024, 0);
    started = [];
    limits.addLong({ peer: of('bob'), by: 'stream', body: Uint8Array.of(3) });
    limits.addLong({ peer: of('bob'), by: 'pushPull' });
    paths.advance(100, out);
    limits.addLong({ peer: of('bob'), by: 'pushPull' });
    paths.advance(200, out);
    expect(dialed).toEqual(['request 10.0.0.2:7946', 'pushPull 10.0.0.2:7946']);
    paths.advance(2100, out);
    expect(dialed).toHaveLength(3);
    expect(started).toEqual([]);
    limits.addLong({ peer: of('bob'), by: 'shorter' });
    paths.advance(30_000, out);
    expect(started).toEqual(['bob']);
  });

  test('limits of members that moved, died or were dropped are forgotten', () => {
    for (const name of ['bob', 'cat', 'dan']) tested(name, 512, 1024, 0);
    const [bob, cat, dan] = [of('bob'), of('cat'), of('dan')];
    Object.assign(bob, { identity: { ...bob.identity, address: toAddress(Uint8Array.of(10, 0, 1, 1), 1) } });
    Object.assign(cat, { state: 'dead' });
    members.delete('dan');
    limits.addLong({ peer: of('eve'), by: 'shorter' });
    paths.advance(1000, out);
    expect([bob, cat, dan].map((peer) => limits.get(peer))).toEqual([undefined, undefined, undefined]);
  });
});
