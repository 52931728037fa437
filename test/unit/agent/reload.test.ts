/** The command `reload`: services of files and tags change together, or nothing does; other members learn of it at once. */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../../src/agent/agent.ts';
import type { ReloadOutcome } from '../../../src/agent/contract/commands.ts';
import { parseService, type Registration } from '../../../src/checks/definition/definition.ts';
import type { ConfiguredJob } from '../../../src/jobs/types.ts';
import { World } from '../../../src/sim/world/world.ts';

type Tags = Readonly<Record<string, string>>;

function world() {
  const it = new World({ seed: 5, makeAgent: createAgent });
  for (const label of ['ann', 'bob']) {
    it.add(label);
    it.start(label);
  }
  const { address } = it.host('bob');
  it.command('ann', { kind: 'join', seeds: [{ text: 'bob', addresses: [address] }] });
  it.run(5000);
  const reload = (services: readonly object[], tags: Tags): ReloadOutcome => {
    const registrations: Registration[] = services.map((service) => parseService(service));
    const pending = it.command('ann', {
      kind: 'reload',
      services: registrations,
      tags: new Map(Object.entries(tags)),
    });
    it.run(500); // the reply comes when the snapshot is stored
    const { result } = pending;
    if (result?.ok !== true) throw result?.error ?? new Error('no reply');
    return result.value as ReloadOutcome;
  };
  const view = (label: string) => it.host(label).runningAgent.view;
  const tagsAt = (label: string): Tags => Object.fromEntries(view(label).member('ann')?.tags ?? []);
  return { it, reload, view, tagsAt };
}

describe('a reload', () => {
  test('changes services and tags here at once, and soon everywhere', () => {
    const { it, reload, view, tagsAt } = world();
    reload([{ Name: 'web', Port: 80 }], { role: 'a' });
    it.command('ann', { kind: 'setTags', set: new Map([['zone', 'z']]), remove: [] });
    const outcome = reload([{ Name: 'web', Port: 81 }], { role: 'b' });
    expect(outcome).toEqual({
      services: [{ id: 'web', change: 'changed', fields: ['port'] }],
      tags: [{ key: 'role', from: 'a', to: 'b' }],
    });
    expect(tagsAt('ann')).toMatchObject({ role: 'b', zone: 'z' });
    it.run(5000);
    expect(tagsAt('bob')).toMatchObject({ role: 'b', zone: 'z' });
    expect(
      view('bob')
        .catalog.instances('web')
        .map(({ service }) => service.port),
    ).toEqual([81]);
  });

  test('of the same is no change, and raises no incarnation', () => {
    const { reload, view } = world();
    reload([{ Name: 'web' }], { role: 'a' });
    const before = view('ann').health().incarnation;
    expect(reload([{ Name: 'web' }], { role: 'a' })).toEqual({ services: [], tags: [] });
    expect(view('ann').health().incarnation).toBe(before);
  });

  test('changes nothing if the services are refused, and nothing if the tags are', () => {
    const { reload, view, tagsAt } = world();
    reload([{ Name: 'web', Port: 80 }], { role: 'a' });
    const exec = { Name: 'x', Check: { Args: ['/bin/true'], Interval: '5s' } };
    expect(() => reload([exec], { role: 'b' })).toThrow('only from files');
    expect(() => reload([{ Name: 'web', Port: 81 }], { role: 'x'.repeat(600) })).toThrow('too large');
    expect(tagsAt('ann')['role']).toBe('a');
    expect([...view('ann').local.services().values()].map(({ definition }) => definition.port)).toEqual([80]);
  });
});

describe('jobs of the configuration', () => {
  const job = (name: string, timeout = 1000): ConfiguredJob => ({
    definition: {
      ...{ name, schedule: { kind: 'every', every: 60_000 }, place: {}, timeout, retries: 0 },
      ...{ overlap: 'skip', jitter: 0, catchUp: 'one', quorum: 1, registeredAt: 0 },
      action: { kind: 'command' },
    },
    run: ['/bin/true'],
  });
  function jobsWorld() {
    const { it, view } = world();
    const reload = (...jobs: readonly ConfiguredJob[]): ReloadOutcome['jobs'] => {
      const pending = it.command('ann', { kind: 'reload', services: [], tags: new Map(), jobs });
      it.run(500);
      return (pending.result as { readonly value: ReloadOutcome }).value.jobs;
    };
    const names = (label: string): readonly string[] =>
      view(label)
        .jobs.all()
        .map(({ definition }) => definition.name);
    return { it, view, reload, names };
  }

  test('are registered, changed and removed, each told once, and soon everywhere', () => {
    const { it, view, reload, names } = jobsWorld();
    expect(reload(job('a'), job('b'))).toEqual([
      { name: 'a', change: 'added' },
      { name: 'b', change: 'added' },
    ]);
    expect(reload(job('a'), job('b'))).toEqual([]);
    const { registeredAt } = view('ann').jobs.get('b')?.definition ?? { registeredAt: 0 };
    expect(reload(job('c'), job('b', 2000), { ...job('d'), run: ['/bin/false'] })).toEqual([
      { name: 'a', change: 'removed' },
      { name: 'c', change: 'added' },
      { name: 'b', change: 'changed' },
      { name: 'd', change: 'added' },
    ]);
    expect(reload(job('c'), job('b', 2000), job('d'))).toEqual([{ name: 'd', change: 'changed' }]);
    it.run(2000);
    expect(names('bob')).toEqual(['b', 'c', 'd']);
    expect(view('bob').jobs.get('b')?.definition).toMatchObject({ timeout: 2000 });
    expect(view('bob').jobs.get('b')?.definition.registeredAt).toBeGreaterThan(registeredAt);
  });

  test('take the place of one that was registered over HTTP, and are then changed in the configuration only', () => {
    const { it, reload, names } = jobsWorld();
    const { definition } = job('a');
    const overHttp = { ...definition, action: { kind: 'post', url: 'http://127.0.0.1/' } } as const;
    it.command('ann', { kind: 'registerJob', definition: overHttp });
    it.command('ann', { kind: 'registerJob', definition: { ...overHttp, name: 'z' } });
    const configured = { definition: overHttp, run: undefined };
    expect(reload(configured)).toEqual([{ name: 'a', change: 'replaced' }]);
    const refused = it.command('ann', { kind: 'deregisterJob', name: 'a' }).result;
    expect(refused?.ok === false && refused.error.message).toContain('in the configuration of this agent');
    it.run(1000);
    it.stop('ann');
    it.start('ann', { restore: true });
    it.run(8000);
    expect(names('ann')).toEqual(['z']); // the configuration of this start has none
  });

  test('that were not read stay as they are', () => {
    const { it, reload, names } = jobsWorld();
    reload(job('a'));
    it.command('ann', { kind: 'reload', services: [], tags: new Map() });
    it.run(500);
    expect(names('ann')).toEqual(['a']);
  });
});
