import { expect, test } from 'vitest';
import { createAgent } from '../../../src/agent/agent.ts';
import type { Agent, Effect } from '../../../src/agent/types.ts';
import { World } from '../../../src/sim/world.ts';
import { Ping } from '../../../src/wire/memberlist.ts';
import { encodeStream } from '../../../src/wire/stream.ts';

test.each([
  ['ann', ['writeStream']],
  ['', ['writeStream']],
  ['bob', ['closeStream']],
])('a ping over a stream that means %j is answered by ann: %j', (node, kinds) => {
  const agents: Agent[] = [];
  const world = new World({
    seed: 1,
    birth: (options) => {
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
  const bytes = encodeStream(Ping.make({ seqNo: 7, node }));
  ann.handle({ kind: 'streamData', stream: 1, bytes }, world.now, out);

  expect(out.filter((effect) => 'stream' in effect).map(({ kind }) => kind)).toEqual(kinds);
});
