import { expect, test } from 'vitest';
import type { Effect } from '../../../../../src/agent/contract/machine.ts';
import { makeTtlCheck } from '../../../../../src/sim/workload/definitions.ts';
import { pair, type ScriptedAgent } from '../../scripted-agent.ts';

const expired: Effect = { kind: 'fact', fact: { kind: 'checkExpired', check: 't', service: '' } };

/** ann has a TTL check of 20 s that has just begun, and `restarts` before she goes on for `then`. */
function running(restarts: boolean) {
  const { world, poke, broken, agentOf } = pair();
  const check = makeTtlCheck('t', '', { ttl: 20_000 });
  world.command('ann', { kind: 'registerCheck', check });
  const show = (status: string): void =>
    void (agentOf('ann') as ScriptedAgent).checks.set('t', { definition: check, status });
  show('passing');
  if (restarts) {
    agentOf('ann').saveSnapshot();
    poke('ann');
    world.run(1000);
    world.stop('ann');
    world.run(1000);
    world.start('ann', { restore: true });
    show('passing');
  }
  return { world, poke, broken, show };
}

test.each([
  [false, 19_000, ['I18']],
  [false, 20_100, []],
  [true, 12_000, ['I18']], // what is saved may be a quarter older
  [true, 16_000, []],
] as const)('I18: a TTL of 20 s, restarted: %s, that expires after %d ms', (restarts, at, violated) => {
  const { world, poke, broken } = running(restarts);
  world.run(at - world.now);
  poke('ann', expired);
  expect(broken()).toEqual(violated);
});

test.each([false, true])('I18: a check that holds for longer than its TTL, restarted: %s', (restarts) => {
  const late = running(restarts);
  late.world.run(25_000 - late.world.now);
  expect(late.broken()).toEqual(['I18']);

  const honest = running(restarts);
  honest.world.run(20_000 - honest.world.now);
  honest.show('critical');
  honest.world.run(10_000);
  expect(honest.broken()).toEqual([]);

  const updated = running(restarts);
  updated.world.run(15_000 - updated.world.now);
  updated.world.command('ann', { kind: 'updateCheck', id: 't', status: 'passing', output: '' });
  updated.world.run(15_000);
  expect(updated.broken()).toEqual([]);
});

test('I18: after a clock that was set, or a start without data, nothing is expected', () => {
  for (const start of [{ restore: true, wallClockOffset: 3_600_000 }, { restore: false }]) {
    const { world, poke, broken } = running(true);
    world.stop('ann');
    world.start('ann', start);
    poke('ann', expired);
    expect(broken()).toEqual([]);
  }
});
