/** What handlers of an agent get: everything once, and nothing that is only suspected. */
import { expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import type { Agent } from '../../src/agent/contract/machine.ts';
import type { HandlerEvent } from '../../src/serf/types.ts';
import { startStory } from './start-story.ts';

/** The story, and the events that each agent's handlers got. */
function listening(names: string, seed: number) {
  const handled = new Map<string, string[]>();
  const makeAgent: NonNullable<Parameters<typeof startStory>[1]['makeAgent']> = (options, host): Agent => {
    const agent = createAgent(options);
    const notes: string[] = [];
    handled.set(host.label, notes);
    return {
      view: agent.view,
      get deadline() {
        return agent.deadline;
      },
      handle: (input, now, out) => {
        const from = out.length;
        agent.handle(input, now, out);
        for (const effect of out.slice(from)) if (effect.kind === 'notify') notes.push(words(effect.event));
      },
    };
  };
  return { ...startStory(names, { seed, makeAgent }), handled: (name: string) => handled.get(name) ?? [] };
}

function words(handledSince: HandlerEvent): string {
  if (handledSince.kind === 'members')
    return `${handledSince.change} ${handledSince.members.map(({ name }) => name).join()}`;
  const { name, payload } = handledSince.kind === 'user' ? handledSince.event : handledSince.query;
  return `${handledSince.kind} ${name} ${new TextDecoder().decode(payload)}`;
}

test('handlers get each join, update, leave, failure and prune once, and no suspicion', () => {
  const story = listening('ann bob cat dan', 11);
  expect([...story.handled('ann')].sort()).toEqual(['join ann', 'join bob', 'join cat', 'join dan']);
  const before = story.handled('ann').length;
  const handledSince = (): string[] => story.handled('ann').slice(before);

  story.sendCommand('bob', { kind: 'setTags', set: new Map([['v', '2']]), remove: [] });
  story.run('10s');
  expect(handledSince()).toEqual(['update bob']);
  story.sendCommand('bob', { kind: 'leave' });
  story.run('20s');
  expect(handledSince()).toEqual(['update bob', 'leave bob']);
  story.stop('cat');
  story.run('60s');
  story.sendCommand('ann', { kind: 'forget', node: 'cat', prune: true, refuseLive: true });
  story.run('10s');
  expect(handledSince()).toEqual(['update bob', 'leave bob', 'failed cat', 'leave cat', 'reap cat']);

  story.stop('dan');
  expect(story.runUntil(() => story.member('ann', 'dan')?.status === 'suspect')).toBe(true);
  expect(handledSince()).toHaveLength(5);
});

test('handlers get each user event and query once, also at its sender', () => {
  const story = listening('ann bob cat', 12);
  const payload = new TextEncoder().encode('v1');
  story.sendCommand('ann', { kind: 'fireEvent', name: 'deploy', payload, coalesce: true });
  const question = { nodes: [], tags: new Map(), ack: false, relayFactor: 0 };
  story.sendCommand('ann', { kind: 'query', query: { name: 'load', payload, ...question } });
  story.sendCommand('ann', { kind: 'query', query: { name: '_serf_ping', payload, ...question } });
  story.sendCommand('ann', {
    kind: 'query',
    query: { name: 'disk', payload, ...question, nodes: ['bob'] },
  });
  story.run('10s');
  const handled = (name: string): string[] =>
    story
      .handled(name)
      .filter((line) => !line.startsWith('join'))
      .sort();
  expect(handled('ann')).toEqual(['query load v1', 'user deploy v1']);
  expect(handled('bob')).toEqual(['query disk v1', 'query load v1', 'user deploy v1']);
  expect(handled('cat')).toEqual(['query load v1', 'user deploy v1']);
});
