/** The laws of what readers are told detect a view whose indexes do not cover what replies show, and answers from elsewhere. */
import { expect, test } from 'vitest';
import type { AgentOptions } from '../../src/agent/agent.ts';
import type { Agent } from '../../src/agent/contract/machine.ts';
import type { View } from '../../src/agent/contract/view.ts';
import { createAgentFor } from '../../src/sim/peers/create-agent.ts';
import type { SimHost } from '../../src/sim/world/host.ts';
import { runWithReaders } from './answers.ts';

const run = (makeAgent: (options: AgentOptions, host: SimHost) => Agent = createAgentFor) =>
  runWithReaders({ seed: 5, members: 3, minutes: 0.5, kinds: ['bounce', 'retag'], loss: 0, makeAgent });

/** The laws that were violated by agents of which readers see such a view. */
function violated(change: (view: View) => Partial<View>): readonly string[] {
  const { failures } = run((options, host) => {
    const agent = createAgentFor(options, host);
    const changes = change(agent.view);
    const view = new Proxy(agent.view, {
      get: (real, key) => {
        const value = key in changes ? Reflect.get(changes, key) : Reflect.get(real, key, real);
        return typeof value === 'function' && !(key in changes) ? value.bind(real) : value;
      },
    });
    return new Proxy(agent, {
      get: (real, key) => {
        if (key === 'view') return view;
        const value = Reflect.get(real, key, real);
        return typeof value === 'function' ? value.bind(real) : value;
      },
    });
  });
  return [...new Set(failures.map((line) => line.split(' ')[1] as string))];
}

test('honest agents answer what their view says', () => {
  const { failures, judgments } = run();
  expect(failures).toEqual([]);
  expect(judgments.I15).toBeGreaterThan(500);
  expect(judgments['I14 of HTTP']).toBeGreaterThan(20);
});

test('I14: an index that is that of the last topic only', () => {
  expect(violated((view) => ({ indexOf: (topics) => view.indexOf(topics.slice(-1)) }))).toContain('I14');
});

test('I15: a service that is answered before the agent is ready', () => {
  let asked = 0;
  // Every second look finds the agent ready: DNS answers what the law must not see.
  const flickers = (): ReturnType<View['readiness']> =>
    ++asked % 2 === 0 ? { ready: true } : { ready: false, reason: 'flickers', remembers: false };
  expect(violated(() => ({ readiness: flickers }))).toContain('I15');
});
