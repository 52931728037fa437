/** The command `reload`: services of files and tags change together, or nothing does; other members learn of it at once. */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../../src/agent/agent.ts';
import type { ReloadOutcome } from '../../../src/agent/contract/commands.ts';
import { parseService, type Registration } from '../../../src/checks/definition/definition.ts';
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
