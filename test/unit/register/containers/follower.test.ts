/** A follower on a real socket, with an engine that restarts, stalls, lies and forgets. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Containers,
  type ContainersOptions,
  followEngines,
  socketsOf,
} from '../../../../src/register/containers/containers.ts';
import type { ContainerFact } from '../../../../src/register/containers/follower.ts';
import { startContainers } from '../../../../src/register/containers/start.ts';
import { type FakeContainer, FakeEngine } from '../../../support/fake-engine.ts';
import { waitUntil } from '../../../support/wait.ts';
import { RegistryAgent } from './agent.ts';

let folder: string;
let engine: FakeEngine;
let agent: RegistryAgent;
let containers: Containers | undefined;
let facts: ContainerFact[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearsay-engine-'));
  engine = new FakeEngine(join(folder, 'engine.sock'));
  await engine.start();
  agent = new RegistryAgent();
  facts = [];
});

afterEach(async () => {
  await containers?.stop();
  containers = undefined;
  await engine.stop();
  rmSync(folder, { recursive: true });
});

const optionsOf = (change: Partial<ContainersOptions['config']>): ContainersOptions => ({
  agent: agent.handle,
  config: {
    ...{ containers: [`unix:${engine.path}`], containersNetwork: undefined, containersSelect: 'label' },
    ...{ containersAllow: [], selfService: 'consul', ...change },
  },
  env: {},
  userId: 0,
  record: (fact) => facts.push(fact),
});

function follow(change: Partial<ContainersOptions['config']> = {}): void {
  containers = followEngines(optionsOf(change));
}

/** Stops following and starts again, from what the agent has saved. */
async function restartAgent(): Promise<void> {
  await containers?.stop();
  agent = new RegistryAgent(undefined, agent.snapshot());
  follow();
}

const keyOf = ({ id }: Pick<FakeContainer, 'id'>): string => id.slice(0, 12);
const running = (): string[] =>
  [...engine.containers.values()]
    .filter(({ status }) => status === 'running')
    .map(keyOf)
    .sort();
const answered = (): string[] =>
  [...agent.services()]
    .filter(([, { status }]) => status === 'passing')
    .map(([id]) => id.split(':')[1] ?? '')
    .sort();
const settled = (): Promise<boolean> =>
  waitUntil('what is answered is what runs', 20_000, () => answered().join() === running().join());

describe('an engine', () => {
  test('is listed at the start, and its events are followed', async () => {
    engine.run();
    follow();
    await settled();
    const second = engine.run();
    await settled();
    engine.end(second.id, 137, true);
    await settled();
    await waitUntil('its end has a reason', 5000, () =>
      [...agent.services().values()].some(({ output }) =>
        output.endsWith(`container ${second.name} on b was killed for memory (137)`),
      ),
    );
  });

  test('that restarts is followed again, and what happened meanwhile is found by its list', async () => {
    const [first] = [engine.run(), engine.run()];
    follow();
    await settled();
    await engine.stop();
    engine.remove(first.id);
    engine.run();
    await waitUntil('it counts as away', 5000, () => (containers?.degraded().length ?? 0) > 0);
    await engine.start();
    await settled();
    expect(facts.map(({ kind }) => kind)).toEqual(['containerEngineAway', 'containerEngineBack']);
  });

  test('whose stream of events ends, as behind a proxy, is followed again without a word', async () => {
    follow();
    await waitUntil('it is followed', 5000, () => engine.requests.size === 2);
    engine.endStreams();
    engine.run();
    await settled();
    expect(engine.requests.get('/events')).toBeGreaterThan(1);
    expect([facts, containers?.degraded()]).toEqual([[], []]);
  });

  test('that tells no events is listed again and again', async () => {
    engine.trouble = 'no-events';
    follow();
    await waitUntil('it was listed', 5000, () => (engine.requests.get('/containers/json') ?? 0) > 0);
    engine.run();
    await settled();
    expect(containers?.degraded()).toEqual([]);
  });

  test.each(['truncated', 'garbage', 'forbidden'] as const)(
    'that answers %s changes nothing',
    async (trouble) => {
      engine.run();
      follow();
      await settled();
      await engine.stop();
      engine.trouble = trouble;
      await engine.start();
      await waitUntil('it counts as away', 5000, () => (containers?.degraded().length ?? 0) > 0);
      expect(answered()).toEqual(running());
      engine.trouble = 'none';
      engine.run();
      await settled();
      expect(containers?.degraded()).toEqual([]);
    },
  );

  test('whose stream of events has lines that nobody can read is listed instead', async () => {
    follow();
    await waitUntil('it is followed', 5000, () => engine.requests.size === 2);
    engine.trouble = 'lost';
    engine.run();
    engine.say(`{"Type":"container","Actor":{"Attributes":{"a":"${'x'.repeat(200_000)}"}}}\nnonsense\n`);
    await settled();
  });

  test('that is not there is said so, and is found when it starts', async () => {
    await engine.stop();
    engine.run();
    follow();
    await waitUntil('it counts as away', 5000, () => (containers?.degraded().length ?? 0) > 0);
    expect(containers?.degraded()[0]).toMatch(/there is no socket .*engine\.sock: start the engine/);
    await engine.start();
    await settled();
  });

  test('with a row that is too large has that one refused, and all others registered', async () => {
    engine.run();
    engine.run({ labels: { 'hearsay.name': 'web', huge: 'x'.repeat(1_000_000) } });
    engine.run();
    follow();
    await waitUntil('one is refused', 5000, () => facts.some(({ kind }) => kind === 'containerRefused'));
    await waitUntil('two are registered', 5000, () => agent.services().size === 2);
    expect(facts).toMatchObject([{ reason: expect.stringMatching(/more than 512 kB/) }]);
    expect(containers?.status()).toMatchObject([{ away: null, containers: 2, refusals: 1 }]);
  });
});

describe('what is registered', () => {
  test('is bounded by the names that are allowed, and never the name of the agents', async () => {
    engine.run({ labels: { 'hearsay.name': 'shop-a' } });
    engine.run({ labels: { 'hearsay.name': 'billing' } });
    engine.run({ labels: { 'hearsay.name': 'consul' } });
    follow({ containersAllow: ['shop-*', 'consul'] });
    await waitUntil('two are refused', 5000, () => facts.length === 2);
    expect([...agent.services().values()].map(({ name }) => name)).toEqual(['shop-a']);
    const reasons = containers?.status().flatMap(({ refused }) => refused.map(({ reason }) => reason));
    expect(reasons).toMatchObject([expect.stringMatching('"billing"'), expect.stringMatching('"consul"')]);
  });

  test('of one engine under two names is registered once', async () => {
    engine.run();
    follow({ containers: [`unix:${engine.path}`, `unix:${engine.path}`, 'docker', 'unix:/run/docker.sock'] });
    await settled();
    expect(containers?.status().map((one) => one.engine)).toEqual([`unix:${engine.path}`, 'docker']);
  });

  test('by an earlier life goes with its engine: no ghost survives a start without it', async () => {
    engine.run();
    follow();
    await settled();
    await containers?.stop();
    agent = new RegistryAgent(undefined, agent.snapshot());
    expect(agent.services().size).toBe(1);
    containers = await startContainers(optionsOf({ containers: [] }));
    expect(agent.services().size).toBe(0);
  });
});

test('400 changes, with restarts of the agent and of the engine and events that are lost: no ghost, none missing', async () => {
  follow();
  let seed = 7;
  const draw = (below: number): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let change = 1; change <= 400; change++) {
    const all = [...engine.containers.values()];
    const one = all[draw(Math.max(1, all.length))];
    const kind = draw(10);
    if (one === undefined || (kind < 4 && all.length < 60)) engine.run();
    else if (kind < 7) engine.end(one.id, draw(2) === 0 ? 137 : 1);
    else if (kind < 9) engine.restartContainer(one.id);
    else engine.remove(one.id);
    if (change % 90 === 0) engine.trouble = 'lost';
    if (change % 100 === 0) {
      engine.trouble = 'none';
      await engine.restart();
    }
    if (change % 70 === 0) await restartAgent();
    if (change % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (change % 50 === 0 && engine.trouble === 'none') await settled();
  }
  await settled();
  const known = new Set([...engine.containers.keys()].map((id) => id.slice(0, 12)));
  const ghosts = [...agent.services()].filter(
    ([id, { status }]) => status === 'passing' && !known.has(id.split(':')[1] ?? ''),
  );
  expect(ghosts).toEqual([]);
}, 60_000);

test('the usual sockets of the engines', () => {
  expect(socketsOf('docker', {}, 0)).toEqual(['/var/run/docker.sock']);
  expect(socketsOf('podman', {}, 0)[0]).toBe('/run/podman/podman.sock');
  expect(socketsOf('podman', { XDG_RUNTIME_DIR: '/run/user/7' }, 7)[0]).toBe(
    '/run/user/7/podman/podman.sock',
  );
  expect(socketsOf('podman', {}, 7)[0]).toBe('/run/user/7/podman/podman.sock');
  expect(socketsOf('unix:/x/y.sock', {}, 7)).toEqual(['/x/y.sock']);
});
