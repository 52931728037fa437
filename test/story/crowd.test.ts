/** S1: members that do not exist, and those that do among them. The laws of stories know of no invented members. */
import { expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import { toAddress } from '../../src/base/address.ts';
import { NO_BYTES } from '../../src/base/bytes.ts';
import { bootstrapCluster } from '../../src/sim/world/bootstrap.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { World } from '../../src/sim/world/world.ts';
import { PushNodeState } from '../../src/wire/memberlist.ts';
import { encodePushPull, sealStream } from '../../src/wire/stream-writer.ts';

const NAMES = ['ann', 'bob', 'cat', 'dan'];
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);

/** Tells these agents of members at an address where nobody is. */
function invent(world: World, count: number, told = ['ann', 'bob'], meta: Uint8Array = NO_BYTES): void {
  const nobody = world.newAddress();
  const rows = Array.from({ length: count }, (_, i) =>
    PushNodeState.create({
      ...{ name: `ghost-${i}`, addr: nobody.ip, port: 7000 + i, incarnation: 1, state: 0, vsn: VSN, meta },
    }),
  );
  for (let from = 0; from < count; from += 300) {
    const nodes = rows.slice(from, from + 300);
    const body = encodePushPull({ kind: 'pushPull', join: false, nodes, userState: NO_BYTES });
    const bytes = sealStream(body, hostEnvelope({}), { role: 'dialer', nonce: world.nonceSource() });
    for (const name of told) world.injectStream(name, toAddress(nobody.ip, 40_000), bytes);
  }
}

test.each([1, 2, 3])('S1 a crash among 300 invented members is seen by all within 25 s (seed %i)', (seed) => {
  const world = new World({ seed, makeAgent: createAgent });
  for (const name of NAMES) world.add(name);
  bootstrapCluster(world, NAMES);
  world.run(20_000); // each has answered the others
  invent(world, 300);
  world.run(10_000);
  const views = ['ann', 'bob', 'cat'].map((name) => world.host(name).runningAgent.view);
  for (const view of views) expect(view.members().length).toBeGreaterThan(300);
  world.stop('dan', { powerOff: true });
  const isSeen = (): boolean => views.every((view) => view.member('dan')?.status === 'failed');
  expect(world.runUntil(isSeen, 25_000, 500)).toBe(true);
  for (const view of views) {
    expect(NAMES.slice(0, 3).map((name) => view.member(name)?.status)).toEqual(['alive', 'alive', 'alive']);
    expect(view.health().awareness).toBeLessThan(3);
  }
});

/** What an agent that comes when all tables are full of invented members waits for. */
test.each([
  [1, true],
  [2, false],
])(
  'S1 a newcomer among 511 invented members that claim a catalog (seed %i, eager gossip: %s)',
  (seed, eagerGossip) => {
    const world = new World({ seed, makeAgent: createAgent });
    const full = { swim: { maxMembers: 512, eagerGossip } };
    for (const name of [...NAMES, 'new']) world.add(name, full);
    bootstrapCluster(world, NAMES);
    world.run(20_000);
    const viewOf = (name: string) => world.host(name).runningAgent.view;
    invent(world, 600, NAMES, viewOf('ann').self().serf.member.identity.meta);
    world.run(5000);
    for (const name of NAMES) expect(viewOf(name).members().length).toBe(512);
    world.start('new');
    const port = (name: string): readonly number[] =>
      viewOf(name)
        .catalog.usable('web')
        .map(({ service }) => service.port);
    const register = (to: number): void =>
      void world.command('new', {
        ...{ kind: 'registerService', checks: [], replaceChecks: true },
        service: { ...WEB, port: to },
      });
    register(80);
    world.command('new', { kind: 'join', seeds: [{ text: 'ann', addresses: [world.host('ann').address] }] });
    const within = (limit: number, isSo: (name: string) => boolean): void =>
      expect(world.runUntil(() => NAMES.every(isSo), limit, 50)).toBe(true);
    within(500, (name) => viewOf(name).member('new')?.status === 'alive');
    within(3000, (name) => port(name).join() === '80');
    register(81);
    within(1500, (name) => port(name).join() === '81');
    world.run(30_000);
    for (const name of NAMES) {
      expect([viewOf(name).member('new')?.status, viewOf('new').member(name)?.status]).toEqual([
        'alive',
        'alive',
      ]);
      expect(viewOf(name).health().awareness).toBeLessThan(3);
    }
    expect(viewOf('new').health().awareness).toBeLessThan(3);
    world.stop('new', { powerOff: true });
    within(15_000, (name) => viewOf(name).member('new')?.status === 'failed');
  },
);

const WEB = {
  ...{
    id: 'web',
    name: 'web',
    tags: [],
    address: '',
    ports: [],
    taggedAddresses: new Map(),
    meta: new Map(),
  },
  ...{ weights: { passing: 1, warning: 1 }, enableTagOverride: false },
};
