import { expect, test } from 'vitest';
import { createAgent } from '../../../../../src/agent/agent.ts';
import type { Effect, Input } from '../../../../../src/agent/contract/machine.ts';
import type { View } from '../../../../../src/agent/contract/view.ts';
import { createStory } from '../../../../../src/sim/scenarios/story.ts';

test('I20: an agent that is ready before it knows what a peer knows', () => {
  const judge = (readyAfter: number | undefined): string[] => {
    const story = createStory('ann bob', {
      seed: 1,
      all: { disk: false, hasSeeds: true },
      makeAgent: (options) => {
        const agent = createAgent(options);
        const { view } = agent;
        const hasty = readyAfter !== undefined && options.name === 'bob' && options.now > 3000;
        const readiness: View['readiness'] = () => {
          if (!hasty) return view.readiness();
          return story.world.now - options.now < readyAfter
            ? { ready: false, reason: 'it waits', remembers: false }
            : { ready: true };
        };
        const own = new Proxy(view, {
          get: (target, name) => {
            const value: unknown = name === 'readiness' ? readiness : Reflect.get(target, name, target);
            return typeof value === 'function' ? value.bind(target) : value;
          },
        });
        return {
          get deadline() {
            return agent.deadline;
          },
          view: own,
          handle: (input: Input, now: number, out: Effect[]) => agent.handle(input, now, out),
        };
      },
    });
    story.register('ann', 'web-1');
    story.world.run(4000);
    story.stop('bob');
    story.world.run(500);
    story.cut('ann', 'bob');
    story.restart('bob');
    story.world.run(1000);
    return story.lawChecker.violations.map((line) => line.split(' ')[1] ?? '');
  };
  expect(judge(undefined)).toEqual([]);
  expect(judge(100)).toEqual(['I20']);
});
