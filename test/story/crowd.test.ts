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

/** Tells two agents of members at an address where nobody is. */
function invent(world: World, count: number): void {
  const nobody = world.newAddress();
  const nodes = Array.from({ length: count }, (_, i) =>
    PushNodeState.create({
      ...{ name: `ghost-${i}`, addr: nobody.ip, port: 7000 + i, incarnation: 1, state: 0, vsn: VSN },
    }),
  );
  const told = encodePushPull({ kind: 'pushPull', join: false, nodes, userState: NO_BYTES });
  const bytes = sealStream(told, hostEnvelope({}), { role: 'dialer', nonce: world.nonceSource() });
  for (const name of ['ann', 'bob']) world.injectStream(name, toAddress(nobody.ip, 40_000), bytes);
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
