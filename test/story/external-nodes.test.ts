/** Nodes that are no members: registered with one agent, answered by all. */
import { expect, test } from 'vitest';
import type { CommandRequest } from '../../src/agent/contract/commands.ts';
import { changedServices } from '../../src/http/hearsay/service-rows.ts';
import type { CheckStatus } from '../../src/model/service.ts';
import { listingDisagreements } from '../../src/sim/laws/catalog/listings.ts';
import { createStory } from '../../src/sim/scenarios/story.ts';
import { makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';

const NAMES = 'ann bob cat dan';
type Story = ReturnType<typeof createStory>;

/** A registration of `web` on an external node, with a check of this status. */
const register = (node: string, status: CheckStatus = 'passing', address = '192.0.2.9') =>
  ({
    kind: 'registerNode',
    registration: {
      node: {
        ...{ kind: 'node', name: node, address, id: '' },
        ...{ taggedAddresses: new Map(), meta: new Map([['external', 'true']]) },
      },
      keepNode: false,
      service: makeService('web-1'),
      checks: [
        {
          definition: { ...makeTtlCheck('c', 'web-1', { initial: status }), probe: { kind: 'reported' } },
          output: status,
        },
      ],
    },
  }) as const satisfies CommandRequest;

/** What each running agent answers for `web`, as `NODE OWNER ADDRESS STATUS`. */
const answers = (story: Story): Record<string, string[]> =>
  Object.fromEntries(
    [...story.world.hosts]
      .filter((host) => host.running)
      .map(({ label, runningAgent: { view } }) => [
        label,
        view.catalog.instances('web').map(({ node, status }) => {
          const external = view.catalog.externalNode(node);
          return `${node} ${external?.owner} ${external?.address} ${status}`;
        }),
      ]),
  );

/** The external nodes that each running agent shows, or that are in its next snapshot. */
const namesOf = (story: Story, inSnapshot = false): string[][] =>
  [...story.world.hosts]
    .filter((host) => host.running)
    .map(({ disk, runningAgent: { view } }) =>
      inSnapshot
        ? (disk.snapshot?.external ?? []).map(({ name }) => name)
        : [...view.catalog.externalNodes()].map(({ name }) => name),
    );

/** Each running agent answers so within the time. */
function expectEverywhere(story: Story, expected: readonly string[], within = '30s'): void {
  const isSo = (): boolean =>
    Object.values(answers(story)).every((one) => JSON.stringify(one) === JSON.stringify(expected));
  story.runUntil(isSo, within);
  for (const [name, shown] of Object.entries(answers(story))) expect([name, shown]).toEqual([name, expected]);
  expect(listingDisagreements(story.world)).toEqual([]);
}

test('A43 what is registered with one agent is answered by all, also with 20 % packet loss, until it is removed', () => {
  const story = createStory(NAMES, { seed: 41, linkQuality: { loss: 0.2 } });
  expect(story.runCommand('bob', register('ext')).ok).toBe(true);
  expectEverywhere(story, ['ext bob 192.0.2.9 passing']);
  story.runCommand('bob', register('ext', 'critical'));
  expectEverywhere(story, ['ext bob 192.0.2.9 critical']);
  story.runCommand('bob', { kind: 'deregisterNode', node: 'ext' });
  expectEverywhere(story, []);
});

test('A43 while its owner is away a node is critical; a restart with its data brings it back as it was', () => {
  const story = createStory(NAMES, { seed: 42 });
  story.runCommand('bob', register('ext', 'warning'));
  expectEverywhere(story, ['ext bob 192.0.2.9 warning']);
  story.stop('bob');
  expectEverywhere(story, ['ext bob 192.0.2.9 critical'], '2m');
  story.restart('bob', { restore: true });
  expectEverywhere(story, ['ext bob 192.0.2.9 warning'], '2m');
});

test('A43 a node whose owner left in order is gone with it', () => {
  const story = createStory(NAMES, { seed: 43 });
  story.runCommand('bob', register('ext'));
  expectEverywhere(story, ['ext bob 192.0.2.9 passing']);
  story.runCommand('bob', { kind: 'leave' });
  story.run('10s');
  expectEverywhere(story, []);
});

test('A43 a live owner keeps its nodes; of one that is away another agent takes them over, and it gives them up', () => {
  const story = createStory(NAMES, { seed: 44 });
  story.runCommand('bob', register('ext'));
  story.run('5s');
  expect(story.runCommand('cat', register('ext'))).toMatchObject({ ok: false, error: { code: 'conflict' } });
  story.stop('bob');
  story.runUntil(() => story.member('cat', 'bob')?.status === 'failed');
  expect(story.runCommand('cat', register('ext', 'passing', '192.0.2.10')).ok).toBe(true);
  expectEverywhere(story, ['ext cat 192.0.2.10 passing']);
  story.restart('bob', { restore: true });
  story.run('60s');
  expectEverywhere(story, ['ext cat 192.0.2.10 passing']);
  story.stop('cat'); // bob has given the node up: it does not come back with its own
  expectEverywhere(story, ['ext cat 192.0.2.10 critical'], '2m');
});

test('A43 two agents that take one name in a partition agree on the later one when it is over', () => {
  const story = createStory(NAMES, { seed: 45 });
  story.partition(['ann', 'bob'], ['cat', 'dan']);
  story.run('60s');
  story.runCommand('ann', register('ext', 'passing', '192.0.2.1'));
  story.run('2s');
  story.runCommand('dan', register('ext', 'passing', '192.0.2.2'));
  story.run('5s');
  story.heal();
  expectEverywhere(story, ['ext dan 192.0.2.2 passing'], '3m');
});

test('A43 any agent removes a node for all, at once and for good, whether its owner is there or away', () => {
  const story = createStory(NAMES, { seed: 47 });
  story.runCommand('bob', register('ext'));
  expectEverywhere(story, ['ext bob 192.0.2.9 passing']);
  expect(story.runCommand('cat', { kind: 'deregisterNode', node: 'EXT', anyOwner: true }).ok).toBe(true);
  expectEverywhere(story, []);
  expect(namesOf(story)).toEqual([[], [], [], []]);
  story.run('5s');
  story.stop('cat'); // bob has given it up
  story.run('2m');
  expectEverywhere(story, []);

  story.runCommand('bob', register('two'));
  expectEverywhere(story, ['two bob 192.0.2.9 passing']);
  story.stop('bob');
  story.runUntil(() => story.member('ann', 'bob')?.status === 'failed');
  story.runCommand('ann', { kind: 'deregisterNode', node: 'two', anyOwner: true });
  story.run('1s');
  story.stop('ann');
  story.restart('ann', { restore: true }); // which remembers it
  story.run('25m');
  expectEverywhere(story, []);
  story.restart('bob', { restore: true });
  story.run('60s');
  expectEverywhere(story, []);
});

test('A43 a removal that is asked for again stays, and another agent that answers for it keeps it too', () => {
  const story = createStory(NAMES, { seed: 49 });
  const remove = (by: string, options: { readonly anyOwner?: boolean } = { anyOwner: true }) =>
    story.runCommand(by, { kind: 'deregisterNode', node: 'ext', ...options });
  story.runCommand('bob', register('ext'));
  expectEverywhere(story, ['ext bob 192.0.2.9 passing']);
  story.stop('bob');
  story.runUntil(() => story.member('ann', 'bob')?.status === 'failed');
  const { disk } = story.world.host('ann');
  disk.failing = true;
  for (const options of [{ anyOwner: true }, { anyOwner: true }, {}])
    expect(remove('ann', options)).toMatchObject({ ok: true, value: { unsaved: expect.anything() } });
  expectEverywhere(story, []);
  expect(remove('cat')).toEqual({ ok: true });
  story.stop('ann');
  disk.failing = false;
  story.restart('ann', { restore: true });
  story.restart('bob', { restore: true });
  story.run('60s');
  expectEverywhere(story, []);
});

test('A43 a removed node can be registered again, anywhere, and nothing is left of a removal that all have heard of', () => {
  const story = createStory(NAMES, { seed: 48, linkQuality: { loss: 0.1 } });
  story.runCommand('bob', register('ext'));
  expectEverywhere(story, ['ext bob 192.0.2.9 passing']);
  story.runCommand('cat', { kind: 'deregisterNode', node: 'ext', anyOwner: true });
  expectEverywhere(story, []);
  for (const name of ['dan', 'cat', 'bob']) {
    expect(story.runCommand(name, register('ext')).ok).toBe(true);
    expectEverywhere(story, [`ext ${name} 192.0.2.9 passing`]);
    story.runCommand('ann', { kind: 'deregisterNode', node: 'ext', anyOwner: true });
    expectEverywhere(story, []);
  }
  const keptBy = (): string[] => namesOf(story, true).flat();
  expect(keptBy()).toContain('ext');
  story.run('25m');
  expect(keptBy()).toEqual([]);
});

test('A43 no member can be registered as an external node, in whatever case', () => {
  const story = createStory(NAMES, { seed: 46 });
  for (const name of ['bob', 'CAT', 'ann'])
    expect(story.runCommand('ann', register(name))).toMatchObject({
      ok: false,
      error: { code: 'unavailable' },
    });
  expectEverywhere(story, []);
});

test('followers of services hear of a node that is no member and has another address, on all agents', () => {
  const story = createStory(NAMES, { seed: 44 });
  story.runCommand('bob', register('ext'));
  expectEverywhere(story, ['ext bob 192.0.2.9 passing']);
  const views = [...story.world.hosts].map(({ runningAgent: { view } }) => view);
  const before = views.map((view) => view.indexOf(['anything']));
  story.runCommand('bob', register('ext', 'passing', '192.0.2.10'));
  expectEverywhere(story, ['ext bob 192.0.2.10 passing']);
  for (const [i, view] of views.entries()) {
    const seen = before[i] as number;
    expect([...changedServices(view, view.changesAfter(seen) ?? [], seen)]).toEqual(['web']);
  }
});
