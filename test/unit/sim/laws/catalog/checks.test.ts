/** I26 computes what scheduled checks must do, and tells on an agent that does something else. */
import { expect, test } from 'vitest';
import { OVERDUE_SLACK } from '../../../../../src/checks/scheduler.ts';
import type { CheckDefinition } from '../../../../../src/checks/types.ts';
import type { CheckStatus } from '../../../../../src/model/service.ts';
import { CheckLaw } from '../../../../../src/sim/laws/catalog/checks.ts';
import { LawChecker } from '../../../../../src/sim/laws/index.ts';
import {
  makeAliasCheck,
  makeScheduledCheck,
  makeService,
} from '../../../../../src/sim/workload/definitions.ts';
import { World } from '../../../../../src/sim/world/world.ts';
import { nowhere } from '../../echo-agent.ts';
import { ScriptedAgent } from '../../scripted-agent.ts';

const INTERVAL = 2000;

/** One agent, ann, whose checks are run and shown as a test says; the world answers each run with the next result. */
function clinic(...results: (CheckStatus | undefined)[]) {
  const world = new World({
    seed: 1,
    makeAgent: (options) => new ScriptedAgent(options),
    simulateCheck: () => {
      const status = results.shift();
      return status === undefined ? undefined : { after: 10, status, output: '' };
    },
  });
  const checker = new LawChecker(world);
  checker.addLaws(new CheckLaw(checker.context));
  world.add('ann');
  world.start('ann');
  const ann = world.host('ann').runningAgent as ScriptedAgent;
  const show = (id: string, status: CheckStatus, definition?: CheckDefinition): void => {
    const known = definition ?? ann.checks.get(id)?.definition;
    ann.checks.set(id, { status, ...(known === undefined ? {} : { definition: known }) });
  };
  const run = (generation = 1): void => {
    const { probe, timeout, outputMaxBytes } = makeScheduledCheck('c', 'web', {});
    if (probe.kind !== 'tcp') throw new Error('a check that does not run');
    ann.emitNext({ kind: 'runCheck', run: { check: 'c', generation, probe, timeout, outputMaxBytes } });
    world.injectDatagram('ann', nowhere, new Uint8Array(1));
  };
  const register = (overrides: Partial<CheckDefinition> = {}): void => {
    const {
      probe: _,
      id: __,
      serviceId: ___,
      ...rest
    } = makeScheduledCheck('c', 'web', { interval: INTERVAL });
    show('c', 'critical', makeScheduledCheck('c', 'web', { ...rest, ...overrides }));
    world.command('ann', { kind: 'deregisterCheck', id: 'other' });
  };
  const broken = (): readonly string[] => checker.violations.map((line) => line.replace(/^\S+ /, ''));
  return { world, checker, ann, show, run, register, broken };
}

/** Runs the check once an interval, and shows what a correct agent would. */
function runEach({ world, run, show }: ReturnType<typeof clinic>, shown: readonly CheckStatus[]): void {
  for (const status of shown) {
    world.run(INTERVAL - 10);
    run();
    world.run(10);
    show('c', status);
  }
}

test('a check that runs each interval and follows its thresholds violates nothing', () => {
  const one = clinic('passing', 'critical', 'critical', 'critical', 'passing', 'passing');
  one.register({ failuresBeforeWarning: 2, failuresBeforeCritical: 3, successBeforePassing: 2 });
  runEach(one, ['passing', 'passing', 'warning', 'critical', 'critical', 'passing']);
  one.world.run(1000);
  expect(one.broken()).toEqual([]);
  expect(one.checker.judgments.I26).toBeGreaterThan(10);
});

test('I26: a status that thresholds do not allow yet', () => {
  const one = clinic('passing', 'critical');
  one.register({ failuresBeforeWarning: 2, failuresBeforeCritical: 3 });
  runEach(one, ['passing', 'critical']);
  one.world.run(1000);
  expect(one.broken()[0]).toBe('I26 ann shows c as critical instead of passing after passing critical');
});

test('I26: a second run while the first has not ended, and one that is late or early', () => {
  const twice = clinic(undefined, 'passing');
  twice.register();
  runEach(twice, ['critical', 'critical']);
  expect(twice.broken()).toContain('I26 ann runs c a second time at once');

  const late = clinic('critical');
  late.register();
  late.world.run(INTERVAL + 500);
  late.run();
  expect(late.broken()[0]).toContain('I26 ann runs c 2500 ms after its last run, and every 2000 ms');

  const early = clinic('critical', 'critical');
  early.register();
  runEach(early, ['critical']);
  early.world.run(INTERVAL / 2);
  early.run();
  expect(early.broken()[0]).toContain('ms after its last run, and every 2000 ms');
});

test('I26: a run that never ends is a failure, and what comes of it later is none', () => {
  const one = clinic(undefined);
  one.show('c', 'passing', makeScheduledCheck('c', 'web', { interval: INTERVAL }));
  one.world.command('ann', { kind: 'deregisterCheck', id: 'other' });
  one.world.run(INTERVAL);
  one.run();
  one.world.run(10_000);
  expect(one.broken()).toEqual([]);
  one.world.run(3000);
  expect(one.broken()[0]).toContain('I26 ann shows c as passing instead of critical');
});

test('I26: a run may be given up a little before it is overdue, by a clock that runs fast (seed 2000503)', () => {
  const one = clinic(undefined);
  const definition = makeScheduledCheck('c', 'web', { interval: INTERVAL });
  one.show('c', 'passing', definition);
  one.world.command('ann', { kind: 'deregisterCheck', id: 'other' });
  const lasts = definition.timeout + OVERDUE_SLACK;
  one.world.run(2020 - (lasts % 1000)); // the law looks 20 ms before the run is overdue
  one.run();
  one.world.run(lasts - 30);
  one.show('c', 'critical');
  one.world.run(3000);
  expect(one.broken()).toEqual([]);
});

test('I26: an alias that does not follow, also by way of another alias, or one whose target is gone', () => {
  const one = clinic();
  for (const id of ['web', 'db'])
    one.ann.services.set(id, { definition: makeService(id), draining: false, fromFile: false });
  one.show('of-web', 'warning', makeScheduledCheck('of-web', 'web', {}));
  one.show('of-db', 'warning', makeAliasCheck('of-db', 'db', 'web', {}));
  one.show('of-proxy', 'warning', makeAliasCheck('of-proxy', 'proxy', 'db', {}));
  one.world.run(1000);
  expect(one.broken()).toEqual([]);
  one.show('of-proxy', 'passing');
  one.world.run(1000);
  expect(one.broken()).toEqual(['I26 ann shows the alias of-proxy as passing instead of warning']);
  one.ann.services.delete('web');
  one.show('of-proxy', 'critical');
  one.world.run(1000);
  expect(one.broken().slice(1)).toEqual(['I26 ann shows the alias of-db as warning instead of critical']);
});

test.each([
  ['before it was critical for its time', 30_000, ['I26 ann deregisters web after']],
  ['after its time', 70_000, []],
  ['never', 100_000, ['I26 ann keeps web, critical for']],
] as const)('I26: a service is deregistered %s', (_what, after, expected) => {
  const one = clinic(...Array.from({ length: 60 }, () => 'critical' as const));
  one.register({ deregisterCriticalAfter: 60_000 });
  runEach(
    one,
    Array.from({ length: Math.floor(after / INTERVAL) }, () => 'critical' as const),
  );
  const fact = { kind: 'serviceReaped', service: 'web', name: 'web', check: 'c' } as const;
  if (after < 100_000) one.ann.emitNext({ kind: 'fact', fact });
  one.world.injectDatagram('ann', nowhere, new Uint8Array(1));
  const found = one.broken();
  expect(found).toHaveLength(expected.length);
  for (const [i, line] of expected.entries()) expect(found[i]).toContain(line);
});
