import { describe, expect, test } from 'vitest';
import { type AgentOptions, createAgent } from '../../../../src/agent/agent.ts';
import type { Command } from '../../../../src/agent/contract/commands.ts';
import type { Fact } from '../../../../src/agent/contract/facts.ts';
import type { Agent } from '../../../../src/agent/contract/machine.ts';
import { RestoredCatalog } from '../../../../src/agent/replication/restored-catalog.ts';
import { parseService } from '../../../../src/checks/definition/definition.ts';
import { World } from '../../../../src/sim/world/world.ts';

const web = (port: number): Command => {
  const { service, checks } = parseService({ Name: 'web', Port: port });
  return { kind: 'registerService', service, checks, replaceChecks: true };
};

test.each([-1e18, -1, 0, 1e18])('a snapshot of the time %d: readers can be told when it was', (at) => {
  const startedAt = Date.UTC(2026, 0, 1);
  const snapshot = { incarnation: 1, clocks: { member: 1, event: 1, query: 1 }, peers: [], at };
  const { savedAt } = new RestoredCatalog({
    name: 'ann',
    now: 5,
    startedAt,
    snapshot,
  } as unknown as AgentOptions);
  const date = new Date(startedAt + savedAt - 5);
  expect([date.getUTCFullYear(), savedAt <= 5]).toEqual([at > 0 ? 2026 : 1970, true]);
});

/** A world whose hosts also save their catalogs; `written` has the time and size of each. */
function world(names = 'ann bob') {
  const disks = new Map<string, Uint8Array>();
  const written: { readonly name: string; readonly at: number }[] = [];
  const facts: Fact[] = [];
  const keeping = (options: AgentOptions): Agent => {
    const catalog = disks.get(options.name);
    const agent = createAgent({
      ...options,
      ...(catalog === undefined || options.snapshot === undefined ? {} : { catalog }),
    });
    return {
      get deadline() {
        return agent.deadline;
      },
      view: agent.view,
      handle: (input, now, out) => {
        const from = out.length;
        agent.handle(input, now, out);
        for (const effect of out.slice(from)) {
          if (effect.kind === 'fact') facts.push(effect.fact);
          if (effect.kind !== 'saveCatalog') continue;
          disks.set(options.name, effect.bytes);
          written.push({ name: options.name, at: now });
        }
      },
    };
  };
  const it = new World({ seed: 7, makeAgent: keeping });
  const labels = names.split(' ');
  for (const label of labels) {
    it.add(label);
    it.start(label);
  }
  const join = (who: string, to: string): void => {
    const { address } = it.host(to);
    it.command(who, { kind: 'join', seeds: [{ text: to, addresses: [address] }] });
  };
  for (const label of labels.slice(1)) join(label, labels[0] as string);
  const view = (label: string) => it.host(label).runningAgent.view;
  const seen = (label: string): string[] =>
    view(label)
      .catalog.usable('web')
      .map(({ node, service, unconfirmed }) => `${node}:${service.port}${unconfirmed ? ' unconfirmed' : ''}`);
  return { it, disks, written, facts, join, view, seen };
}

type Worlds = ReturnType<typeof world>;

/** `ann` restarts with what it has saved of `bob` and of others, which are all gone. */
function alone(names = 'ann bob'): Worlds {
  const made = world(names);
  made.it.command('bob', web(80));
  made.it.run(40_000);
  expect(made.seen('ann')).toEqual(['bob:80']);
  for (const label of names.split(' ')) made.it.stop(label);
  made.it.start('ann', { restore: true });
  return made;
}

describe('a restarted agent', () => {
  test('answers at once for restored nodes, and marks them unconfirmed', () => {
    const { it, seen, view } = alone();
    expect(seen('ann')).toEqual(['bob:80 unconfirmed']);
    const bob = view('ann').member('BOB');
    expect(bob).toMatchObject({ name: 'bob', status: 'alive', incarnation: 0 });
    expect(bob?.address.key).toBe(it.host('bob').address.key);
    expect(
      view('ann')
        .members()
        .map(({ name }) => name),
    ).toEqual(['ann']);
  });

  test('answers before its first input', () => {
    const { it, disks } = alone();
    const { snapshot: disk } = it.host('ann').disk;
    let born: Agent | undefined;
    const other = new World({
      seed: 1,
      makeAgent: (options) => {
        const catalog = disks.get('ann') as Uint8Array;
        born = createAgent({ ...options, catalog, ...(disk === undefined ? {} : { snapshot: disk }) });
        expect(born.view.catalog.usable('web')).toMatchObject([{ node: 'bob', up: true, unconfirmed: true }]);
        return born;
      },
    });
    other.add('ann');
    other.start('ann');
    expect(born).toBeDefined();
  });

  test('confirms a node by a push/pull with it, and wakes readers', () => {
    const { it, seen, join, view } = alone();
    const before = view('ann').indexOf(['service:web']);
    it.start('bob', { restore: true });
    join('ann', 'bob');
    it.run(5_000);
    expect(seen('ann')).toEqual(['bob:80']);
    expect(view('ann').member('bob')?.incarnation).toBeGreaterThan(0);
    expect(view('ann').indexOf(['service:web'])).toBeGreaterThan(before);
  });

  test('keeps a node unconfirmed that other agents have only restored, however often they agree', () => {
    const { it, seen, join } = alone('ann bob cat');
    it.start('cat', { restore: true });
    join('ann', 'cat');
    it.run(30_000);
    expect(seen('ann')).toEqual(['bob:80 unconfirmed']);
    expect(seen('cat')).toEqual(['bob:80 unconfirmed']);
    it.run(40_000);
    expect(seen('ann')).toEqual([]);
    expect(seen('cat')).toEqual([]);
  });

  test('drops an unconfirmed node after the grace period, and takes it back if it comes after all', () => {
    const { it, seen, join, view } = alone();
    it.run(59_000);
    expect(seen('ann')).toEqual(['bob:80 unconfirmed']);
    const before = view('ann').indexOf(['service:web']);
    it.run(2_000);
    expect(seen('ann')).toEqual([]);
    expect(view('ann').catalog.instances('web')).toEqual([]);
    expect(view('ann').member('bob')).toBeUndefined();
    expect(view('ann').indexOf(['service:web'])).toBeGreaterThan(before);

    it.start('bob', { restore: true });
    join('ann', 'bob');
    it.run(5_000);
    expect(seen('ann')).toEqual(['bob:80']);
  });

  test('follows membership at once: a failed node does not pass, one that left is gone', () => {
    const { it, seen, join, view } = alone('ann bob cat');
    it.start('bob', { restore: true });
    it.start('cat', { restore: true });
    join('ann', 'bob');
    join('cat', 'bob');
    it.run(3_000);
    it.stop('bob');
    it.run(30_000);
    expect(seen('ann')).toEqual([]);
    expect(view('ann').catalog.instances('web')).toMatchObject([{ node: 'bob', up: false }]);
    expect(view('ann').member('bob')?.status).toBe('failed');
    it.command('ann', { kind: 'forget', node: 'bob', prune: false, refuseLive: false });
    it.run(1_000);
    expect(view('ann').catalog.instances('web')).toEqual([]);
  });

  test('does not restore nodes that were down before, or had left', () => {
    const made = world('ann bob cat');
    const { it, seen } = made;
    it.command('bob', web(80));
    it.command('cat', web(81));
    it.run(40_000);
    expect(seen('ann')).toEqual(['bob:80', 'cat:81']);
    it.stop('bob');
    it.command('cat', { kind: 'leave' });
    it.run(20_000); // the snapshot knows; the catalog of the disk is older
    it.stop('ann');
    it.start('ann', { restore: true });
    expect(seen('ann')).toEqual([]);
    expect(made.view('ann').member('bob')).toBeUndefined();
  });

  test('still knows its unconfirmed nodes if it is restarted again soon', () => {
    const { it, seen } = alone();
    it.run(20_000);
    it.stop('ann');
    it.start('ann', { restore: true });
    expect(seen('ann')).toEqual(['bob:80 unconfirmed']);
    it.run(70_000);
    it.command('ann', web(1)); // something new to remember
    it.run(2_000);
    expect(it.host('ann').disk.snapshot?.peers).toMatchObject([{ name: 'bob' }]); // the only way back
    it.run(40_000);
    it.stop('ann');
    it.start('ann', { restore: true });
    expect(seen('ann')).toEqual(['ann:1']);
  });

  test('rejects the forget command for an unconfirmed node: it is no member', () => {
    const { it } = alone();
    const asked = it.command('ann', { kind: 'forget', node: 'bob', prune: false, refuseLive: false });
    it.run(1);
    expect(asked.result).toMatchObject({ ok: false, error: { code: 'notFound' } });
  });

  test('starts without a catalog that cannot be read, and reports that', () => {
    const { it, disks, facts, seen } = alone();
    it.stop('ann');
    disks.set('ann', Uint8Array.of(9, 9, 9));
    it.start('ann', { restore: true });
    expect(seen('ann')).toEqual([]);
    expect(facts.filter(({ kind }) => kind === 'restoreRejected')).toMatchObject([{ part: 'catalog' }]);
  });
});

describe('the catalog is saved', () => {
  test('5 s after the first change, then at most every 30 s, and not without change', () => {
    const { it, written } = world();
    it.run(60_000);
    const quiet = written.length;
    it.run(120_000);
    expect(written).toHaveLength(quiet);

    const changedAt = it.now;
    for (let port = 1; port <= 100; port++) {
      it.command('bob', web(port));
      it.run(1_000);
    }
    const times = written.slice(quiet).flatMap(({ name, at }) => (name === 'ann' ? [at] : []));
    expect(times[0]).toBeGreaterThanOrEqual(changedAt + 5_000);
    expect(times[0]).toBeLessThan(changedAt + 6_500);
    expect(times.length).toBe(4);
    for (const [i, at] of times.slice(1).entries())
      expect(Math.round(at - (times[i] as number))).toBeGreaterThanOrEqual(30_000);
  });

  test('once more when the agent leaves, before it stops', () => {
    const { it, disks, written, seen } = world();
    it.run(60_000);
    it.command('bob', web(80));
    it.run(2_000);
    const before = written.length;
    it.command('ann', { kind: 'leave' });
    it.run(15_000);
    expect(it.host('ann').running).toBe(false);
    expect(written.slice(before).some(({ name }) => name === 'ann')).toBe(true);
    it.start('ann', { restore: true });
    expect(disks.has('ann')).toBe(true);
    expect(seen('ann')).toEqual(['bob:80 unconfirmed']);
  });

  test('only if there is a data directory', () => {
    const { it, written } = world();
    it.add('cat', { disk: false });
    it.start('cat');
    const { address } = it.host('ann');
    it.command('cat', { kind: 'join', seeds: [{ text: 'ann', addresses: [address] }] });
    it.run(5_000);
    it.command('bob', web(80));
    it.run(60_000);
    expect(written.some(({ name }) => name === 'cat')).toBe(false);
    expect(written.some(({ name }) => name === 'ann')).toBe(true);
  });
});
