/** I19: what was acknowledged is in the next boot, whenever the process is killed or the power fails. */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import type { Command } from '../../src/agent/contract/commands.ts';
import type { Rng } from '../../src/base/rng.ts';
import type { CheckStatus } from '../../src/model/service.ts';
import { LawChecker } from '../../src/sim/laws/index.ts';
import { makeService, makeTtlCheck } from '../../src/sim/workload/definitions.ts';
import { World } from '../../src/sim/world/world.ts';

const STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];
const BOOTS = 6;

/** Any change that a client can ask for; some are refused. */
function drawCommand(rng: Rng, serial: number): Command {
  const id = `web-${rng.int(3)}`;
  const on = rng.int(2) === 0;
  const service = makeService(id, { port: 1000 + serial });
  const checks = [makeTtlCheck(`of-${id}`, id, { notes: `${serial}` })];
  switch (rng.int(8)) {
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
    for (let seed = 1; seed <= 300; seed++) {
      const result = killDuringWrites(seed);
      expect(result.violations, `seed ${seed}`).toEqual([]);
      judged += result.judged;
    }
    expect(judged).toBeGreaterThan(5_000);
  });
});
