import { expect, test } from 'vitest';
import type { Lane } from '../../../../src/agent/contract/lane.ts';
import type { Effect, Input } from '../../../../src/agent/contract/machine.ts';
import { CatalogPeers } from '../../../../src/agent/replication/catalog-peers.ts';
import { EagerGossip } from '../../../../src/agent/transport/eager-gossip.ts';
import { Packets } from '../../../../src/agent/transport/packets.ts';
import { type Address, toAddress } from '../../../../src/base/address.ts';
import { createRng } from '../../../../src/base/rng.ts';
import { swimSection } from '../../../../src/config/protocol.ts';
import { withDefaults } from '../../../../src/config/setting.ts';
import { metaFromTags } from '../../../../src/serf/tags.ts';
import { BroadcastQueue } from '../../../../src/swim/broadcasts.ts';
import { MemberTable } from '../../../../src/swim/members.ts';
import type { Identity } from '../../../../src/swim/types.ts';
import { BARE_ENVELOPE } from '../../../../src/wire/packet.ts';

const addressOf = (i: number): Address => toAddress(Uint8Array.of(10, 0, 0, i + 1), 7946);
const TAGS = metaFromTags(new Map([['hearsay', '1']]));
const identityOf = (i: number): Identity => ({
  ...{ name: `n${i}`, address: addressOf(i), meta: TAGS, vsn: Uint8Array.of(1, 5, 2, 2, 5, 5) },
});
const TICK: Input = { kind: 'tick' };

/** The agent `self` of nine, with one lane. */
function agent(self = 0, eagerGossip = true) {
  const members = new MemberTable(identityOf(self), 1, createRng(1), 0);
  for (let i = 0; i < 9; i++) if (i !== self) members.setState(members.add(identityOf(i), 0), 'alive', 0);
  const queue = new BroadcastQueue();
  const lane: Lane = { name: 'events', queue, limit: () => 8, audience: () => 8, user: true };
  const packets = new Packets(BARE_ENVELOPE, [lane], () => new Uint8Array(12), 1400);
  const peers = new CatalogPeers(members, createRng(2));
  const config = withDefaults(swimSection, { eagerGossip });
  const eager = new EagerGossip(config, members, peers, [lane], packets);
  const run = (input: Input = TICK, now = 0): string[] => {
    const out: Effect[] = [];
    eager.run(input, now, out);
    return out.flatMap((effect) => (effect.kind === 'sendPacket' ? [effect.to.host] : []));
  };
  return { queue, run, peers, eager };
}

test('three first copies leave at once, to different members, and the others wait for the round', () => {
  const { queue, run } = agent();
  const broadcast = queue.enqueue(Uint8Array.of(3, 1));
  expect(new Set(run()).size).toBe(3);
  expect(broadcast.sends).toBe(3);
  expect(run()).toEqual([]);
});

test('what was sent before is not in the packets of what is new', () => {
  const { queue, run } = agent();
  const old = queue.enqueue(Uint8Array.of(3, 1));
  run();
  const told = new Set<string>();
  for (let i = 0; i < 6; i++) {
    queue.enqueue(Uint8Array.of(3, 2, i));
    for (const host of run()) told.add(host);
  }
  expect(told.size).toBeGreaterThan(3); // also peers that were not sent the old one
  expect(old.sends).toBe(3);
});

test('eight bursts at once, then one each 25 ms', () => {
  const { queue, run } = agent();
  const burst = (now: number): number => {
    queue.enqueue(Uint8Array.of(3, 1, queue.size));
    return run(TICK, now).length;
  };
  expect(Array.from({ length: 10 }, () => burst(0)).filter((sent) => sent > 0)).toHaveLength(8);
  expect([burst(24), burst(25), burst(26), burst(50)].map((sent) => sent > 0)).toEqual([
    ...[false, true, false, true],
  ]);
});

test('after a stall news wait for the round for a second', () => {
  const { queue, run, eager } = agent();
  queue.enqueue(Uint8Array.of(3, 1));
  eager.onStall(5000);
  expect([run(TICK, 5000), run(TICK, 5999)]).toEqual([[], []]);
  expect(run(TICK, 6000)).toHaveLength(3);
});

test('S31 a datagram of a stranger draws nothing, one of a member does', () => {
  const { queue, run } = agent();
  queue.enqueue(Uint8Array.of(3, 1));
  const bytes = new Uint8Array(1);
  expect(run({ kind: 'packet', from: addressOf(77), bytes })).toEqual([]);
  expect(run({ kind: 'packet', from: addressOf(3), bytes })).toHaveLength(3);
});

test('it can be turned off', () => {
  const { queue, run } = agent(0, false);
  queue.enqueue(Uint8Array.of(3, 1));
  expect(run()).toEqual([]);
});

test('two copies go along a ring that passes through all, in both directions', () => {
  const next = new Map<string, string>();
  for (let i = 0; i < 9; i++) {
    const { queue, run, peers } = agent(i);
    const [after, before] = peers.ringNeighbors.map(({ identity }) => identity.name) as [string, string];
    next.set(`n${i}`, after);
    const back = agent(Number(before.slice(1))).peers.ringNeighbors[0];
    expect(back?.identity.name).toBe(`n${i}`);
    queue.enqueue(Uint8Array.of(3, 1));
    const told = run();
    for (const name of [after, before]) expect(told).toContain(addressOf(Number(name.slice(1))).host);
  }
  const seen: string[] = [];
  for (let at = 'n0'; !seen.includes(at); at = next.get(at) as string) seen.push(at);
  expect(seen).toHaveLength(9);
});
