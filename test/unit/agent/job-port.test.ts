import { expect, test } from 'vitest';
import { createAgent } from '../../../src/agent/agent.ts';
import type { JobDefinition } from '../../../src/model/job.ts';
import { definitionProblem } from '../../../src/model/job-limits.ts';
import { makeService } from '../../../src/sim/workload/definitions.ts';
import { joinOthers } from '../../../src/sim/world/bootstrap.ts';
import { World } from '../../../src/sim/world/world.ts';

const DEFINITION: JobDefinition = {
  ...{ name: 'sweep', schedule: { kind: 'every', every: 1000 }, place: { service: 'web' }, timeout: 1000 },
  ...{ retries: 0, overlap: 'allow', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 1 },
  action: { kind: 'post', url: 'http://127.0.0.1:{port}/sweep' },
};

test('{port} is that of the instance beside the agent that runs the tick', () => {
  const called = new Map<string, Set<string>>();
  const world = new World({
    seed: 3,
    makeAgent: createAgent,
    simulateJobRun: () => ({ after: 10, ok: true }),
  });
  world.subscribe({
    onJobRunStarted: ({ label }, { action }) => {
      if (action.kind === 'post') called.set(label, (called.get(label) ?? new Set()).add(action.url));
    },
  });
  for (const label of ['ann', 'bob', 'cat']) world.add(label);
  for (const label of ['ann', 'bob', 'cat']) world.start(label);
  for (const label of ['ann', 'bob', 'cat']) joinOthers(world, label);
  world.run(3000);
  for (const [label, port] of [
    ['ann', 81],
    ['bob', 82],
  ] as const)
    world.command(label, {
      ...{
        kind: 'registerService',
        service: { ...makeService('web'), port },
        checks: [],
        replaceChecks: true,
      },
    });
  world.command('ann', { kind: 'registerJob', definition: DEFINITION });
  world.run(25_000);
  expect(called).toEqual(
    new Map([
      ['ann', new Set(['http://127.0.0.1:81/sweep'])],
      ['bob', new Set(['http://127.0.0.1:82/sweep'])],
    ]),
  );
});

test('{port} needs a service', () => {
  expect(definitionProblem(DEFINITION)).toBeUndefined();
  expect(definitionProblem({ ...DEFINITION, place: {} })).toContain('only with a service');
});
