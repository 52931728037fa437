import { expect, test } from 'vitest';
import { createAgent } from '../../../../src/agent/agent.ts';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import type { Agent, Effect } from '../../../../src/agent/contract/machine.ts';
import { World } from '../../../../src/sim/world/world.ts';
import { Ping, PushNodeState } from '../../../../src/wire/memberlist.ts';
import { encodePushPull, encodeStream } from '../../../../src/wire/stream-writer.ts';

test.each([
  ['ann', ['writeStream']],
  ['', ['writeStream']],
  ['bob', ['closeStream']],
])('a ping over a stream that means %j is answered by ann: %j', (node, kinds) => {
  const agents: Agent[] = [];
  const world = new World({
    seed: 1,
    makeAgent: (options) => {
      const agent = createAgent(options);
      agents.push(agent);
      return agent;
    },
  });
  world.add('ann');
  world.start('ann');
  const [ann] = agents as [Agent];
  const out: Effect[] = [];

  ann.handle({ kind: 'streamAccepted', stream: 1, from: world.newAddress() }, world.now, out);
  const bytes = encodeStream(Ping.create({ seqNo: 7, node }));
  ann.handle({ kind: 'streamData', stream: 1, bytes }, world.now, out);

  expect(out.filter((effect) => 'stream' in effect).map(({ kind }) => kind)).toEqual(kinds);
});

test('S3 rows of a push/pull that must not be stored are left out, and their sender is reported', () => {
  const world = new World({ seed: 1, makeAgent: createAgent });
  const told: Fact[] = [];
  world.subscribe({ onEffects: (_host, facts) => void told.push(...facts) });
  world.add('ann');
  world.start('ann');
  const from = world.newAddress();
  const row = { addr: from.ip, port: 7946, meta: new Uint8Array(), incarnation: 1, state: 0 };
  const nodes = [3, 6].map((octets) => {
    const vsn = Uint8Array.of(1, 5, 2, 2, 5, 5).subarray(0, octets);
    return PushNodeState.create({ ...row, name: `of${octets}`, vsn });
  });

  world.injectStream(
    'ann',
    from,
    encodePushPull({ kind: 'pushPull', join: false, nodes, userState: new Uint8Array() }),
  );

  const detail = '1 members that must not be stored';
  expect(told.filter(({ kind }) => kind === 'streamRejected')).toEqual([
    { kind: 'streamRejected', from: from.key, code: 'badValue', detail },
  ]);
  expect(world.host('ann').runningAgent.view.member('of3')).toBeUndefined();
});
