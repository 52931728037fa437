/** I19: what was acknowledged is in the next boot, whenever the process is killed or the power fails. */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import type { Command } from '../../src/agent/contract/commands.ts';
import type { Rng } from '../../src/base/rng.ts';
import { NEVER } from '../../src/base/time.ts';
import type { CheckStatus } from '../../src/model/service.ts';
import { LawChecker } from '../../src/sim/laws/index.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';
import { makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';
import { World } from '../../src/sim/world/world.ts';
import { startStory } from './start-story.ts';

const STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];
const BOOTS = 6;

/** Any change that a client can ask for; some are refused. */
function drawCommand(rng: Rng, serial: number): Command {
  const id = `web-${rng.int(3)}`;
  const on = rng.int(2) === 0;
  const service = makeService(id, { port: 1000 + serial });
  const checks = [makeTtlCheck(`of-${id}`, id, { notes: `${serial}` })];
  switch (rng.int(9)) {
    case 0:
      return { kind: 'deregisterService', id };
    case 1:
      return { kind: 'updateCheck', id: `of-${id}`, status: STATUSES[rng.int(3)] as CheckStatus, output: '' };
    case 2:
      return {
        kind: 'maintenance',
        ...(on ? { service: id } : {}),
        on: rng.int(2) === 0,
        reason: `${serial}`,
      };
    case 3:
      return { kind: 'drain', service: id, on };
    case 4:
      return on
        ? { kind: 'setTags', set: new Map([['load', `${serial}`]]), remove: [] }
        : { kind: 'setTags', set: new Map(), remove: ['load'] };
    case 5:
      return on
        ? { kind: 'registerCheck', check: makeTtlCheck('node', '', { notes: `${serial}` }) }
        : { kind: 'deregisterCheck', id: 'node' };
    case 6: {
      const leased = { service: makeService(`leased-${id}`, { port: 1000 + serial }), checks: [] };
      return on
        ? { kind: 'holdLease', lease: id, holder: `${serial}`, grace: 60_000, registrations: [leased] }
        : { kind: 'releaseLease', lease: id, reason: '' };
    }
    default:
      return { kind: 'registerService', service, checks, replaceChecks: true };
  }
}

/** One host that is killed again and again within milliseconds of writes. Returns how many acknowledged changes were looked for. */
function killDuringWrites(seed: number): { readonly judged: number; readonly violations: readonly string[] } {
  const world = new World({ seed, makeAgent: (options) => createAgent(options) });
  const laws = new LawChecker(world);
  const { rng } = world;
  const { disk } = world.add('ann', { tags: { role: 'web' } });
  disk.latency = { rename: 1 + rng.int(20), sync: 1 + rng.int(40) };
  for (let boot = 0, serial = 0; boot < BOOTS; boot++) {
    world.start('ann', { restore: true });
    for (let left = rng.int(40); left > 0; left--) {
      world.command('ann', drawCommand(rng, serial++));
      if (rng.int(3) > 0) world.run(rng.next() * 12);
    }
    disk.failing = rng.int(8) === 0;
    if (disk.failing) world.run(rng.next() * 6_000);
    world.stop('ann', { powerOff: rng.int(2) === 0 });
    disk.failing = false;
    world.run(rng.next() * 2_000);
  }
  world.start('ann', { restore: true });
  return { judged: laws.judgments.I19 ?? 0, violations: laws.violations };
}

describe('I19: an acknowledged change', () => {
  test('is in the next boot, at whatever input the process was killed', () => {
    let judged = 0;
    for (let seed = 1; seed <= 150; seed++) {
      const result = killDuringWrites(seed);
      expect(result.violations, `seed ${seed}`).toEqual([]);
      judged += result.judged;
    }
    expect(judged).toBeGreaterThan(2_500);
  });
});

/** What one host has promised when its process ends within its `k`-th input; `lost`: none of what it wanted then is done. */
function killWithinInput(
  k: number,
  lost: boolean,
): { readonly judged: number; readonly violations: readonly string[] } {
  let inputs = 0;
  const world = new World({
    seed: 77,
    makeAgent: (options, { bootCount }) => {
      const agent = createAgent(options);
      const isOver = (): boolean => bootCount === 1 && inputs >= k;
      return {
        get deadline() {
          return isOver() ? NEVER : agent.deadline;
        },
        view: agent.view,
        handle: (input, now, out) => {
          if (isOver()) return;
          agent.handle(input, now, out);
          inputs += 1;
          if (isOver() && lost) out.length = 0;
        },
      };
    },
  });
  const laws = new LawChecker(world);
  world.add('ann', { tags: { role: 'web' } });
  world.start('ann');
  for (let serial = 0; serial < 40; serial++) {
    world.command('ann', drawCommand(world.rng, serial));
    world.run(3);
  }
  world.stop('ann', { powerOff: k % 2 === 0 });
  world.run(100);
  world.start('ann', { restore: true });
  return { judged: laws.judgments.I19 ?? 0, violations: laws.violations };
}

test('I19: the process may end within any input, before or after its effects', () => {
  let judged = 0;
  for (let k = 1; k <= 100; k++)
    for (const lost of [false, true]) {
      const result = killWithinInput(k, lost);
      expect(result.violations, `within input ${k}${lost ? ', nothing done' : ''}`).toEqual([]);
      judged += result.judged;
    }
  expect(judged).toBeGreaterThan(500);
});

test('I19: a lease that had expired before the process ended is no broken promise', () => {
  const story = startStory('ann bob', { seed: 6 });
  story.run('1s');
  const service = makeService('web-1', { port: 80 });
  const lease = { lease: 'web', holder: 'process 1' } as const;
  const registrations = [{ service, checks: [] }];
  expect(story.runCommand('ann', { kind: 'holdLease', ...lease, grace: 2000, registrations })).toMatchObject({
    ok: true,
  });
  expect(story.runCommand('ann', { kind: 'closeLease', ...lease })).toMatchObject({ ok: true });
  story.run('5s');
  story.stop('ann');
  story.restart('ann', { restore: true });
  story.run('1s');
  expect(story.world.host('ann').runningAgent.view.local.services().size).toBe(0);
});

describe('what was answered while the disk failed (docs/adr/0016)', () => {
  const registered = (story: Story, host: string): readonly string[] =>
    story.world
      .host(host)
      .runningAgent.view.catalog.instances('web')
      .map(({ service }) => service.id);

  function registerUnsaved(): Story {
    const story = startStory('ann bob', { seed: 5 });
    story.run('3s');
    story.world.host('ann').disk.failing = true;
    const service = makeService('web-1', { port: 80 });
    const command = {
      kind: 'registerService',
      service,
      checks: [],
      replaceChecks: true,
      fromFile: false,
    } as const;
    expect(story.runCommand('ann', command)).toMatchObject({
      ok: true,
      value: { unsaved: expect.anything() },
    });
    expect(story.runUntil(() => registered(story, 'bob').length === 1, '5s')).toBe(true);
    return story;
  }

  test('is gone with the process, and its peers do not bring it back', () => {
    const story = registerUnsaved();
    story.stop('ann');
    story.world.host('ann').disk.failing = false;
    story.restart('ann', { restore: true });
    story.run('10s');
    expect([registered(story, 'ann'), registered(story, 'bob')]).toEqual([[], []]);
  });

  test('is kept once the disk has recovered', () => {
    const story = registerUnsaved();
    story.world.host('ann').disk.failing = false;
    story.run('20s');
    story.stop('ann', { powerOff: true });
    story.restart('ann', { restore: true });
    story.run('5s');
    expect([registered(story, 'ann'), registered(story, 'bob')]).toEqual([['web-1'], ['web-1']]);
  });
});

test('an agent that could not read its disk answers for nothing before it has written: the disk has what was there before', () => {
  const story = startStory('ann bob', { seed: 8 });
  const hold = (on: boolean) =>
    story.runCommand('ann', { kind: 'maintenance', on, reason: on ? 'a new kernel' : '' });
  expect(hold(true)).toEqual({ ok: true });
  const ann = story.world.host('ann');
  story.stop('ann');
  ann.disk.failing = true;
  story.restart('ann');
  const end = hold(false); // which changes nothing here
  expect(end).toMatchObject({ ok: true, value: { unsaved: expect.anything() } });
  story.stop('ann');
  ann.disk.failing = false;
  story.restart('ann', { restore: true });
  story.run('1s'); // I19 holds, and the older state is back
  expect([...ann.runningAgent.view.local.checks().keys()]).toEqual(['_node_maintenance']);

  story.stop('ann');
  story.restart('ann');
  expect(hold(false)).toEqual({ ok: true });
  story.stop('ann', { powerOff: true });
  story.restart('ann', { restore: true });
  story.run('1s');
  expect([...ann.runningAgent.view.local.checks().keys()]).toEqual([]);
});
