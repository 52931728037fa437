/**
 * I16: nothing is decided by the wall clock. Runs of one seed with different offsets of all wall clocks must report the
 * same facts in the same order. Between two boots of a host its clock never goes back here: then the catalog has more
 * to do (A3 and A15 in docs/replication.md), and other packets draw other random numbers.
 */
import { createAgent } from '../../../agent/agent.ts';
import type { Millis } from '../../../base/time.ts';
import { drawFaults, type FaultKind, scheduleFaults } from '../../faults/index.ts';
import { makeService, makeTtlCheck } from '../../workload/definitions.ts';
import { bootstrapCluster, simulateRejoinPolicy } from '../../world/bootstrap.ts';
import type { WorldOptions } from '../../world/types.ts';
import { World } from '../../world/world.ts';

/** How far the wall clock of host number `i` is off. */
export type ClockOffsets = (i: number) => Millis;

const YEAR: Millis = 365.25 * 86_400_000;

/** Correct; ten years ahead; ten years behind; each different; apart by milliseconds. */
export const CLOCK_SKEWS: Readonly<Record<string, ClockOffsets>> = {
  right: () => 0,
  ahead: () => 10 * YEAR,
  behind: () => -10 * YEAR,
  mixed: (i) => Math.round((i % 2 === 0 ? 1 : -1) * (10 - i / 10) * YEAR),
  smeared: (i) => i,
};

export interface ClockScenario {
  readonly seed: number;
  readonly members: number;
  readonly minutes: number;
  readonly makeAgent?: WorldOptions['makeAgent'];
}

const KINDS: readonly FaultKind[] = ['crash', 'leave', 'stall', 'partition', 'loss', 'retag'];
const FAULTS_PER_MINUTE = 4;
/** Long enough for the effects of the last fault to reach everybody. */
const QUIET_PERIOD: Millis = 30_000;

/** The run of a seed with such clocks: every fact, in order. */
export function factsUnderClocks(
  clocks: ClockOffsets,
  { seed, members, minutes, makeAgent = createAgent }: ClockScenario,
): readonly string[] {
  const world = new World({
    seed,
    makeAgent,
    trace: { detail: 'facts', maxLines: Number.POSITIVE_INFINITY },
  });
  const labels = Array.from({ length: members }, (_, i) => `n${i}`);
  const offsetOf = (label: string): Millis => clocks(Number(label.slice(1)));
  for (const label of labels) world.add(label).wallClockOffset = offsetOf(label);
  bootstrapCluster(world, labels);
  simulateRejoinPolicy(world, labels.slice(0, 2));
  for (const label of labels) {
    const id = `web-${label.slice(1)}`;
    const checks = [makeTtlCheck(`of-${id}`, id)];
    const service = makeService(id);
    world.command(label, { kind: 'registerService', service, checks, replaceChecks: true });
  }
  const span = minutes * 60_000;
  const faults = drawFaults(world.rng.fork(), {
    hosts: labels,
    span,
    count: Math.round(FAULTS_PER_MINUTE * minutes),
    kinds: KINDS,
  });
  scheduleFaults(
    world,
    faults.map((fault) =>
      fault.kind === 'crash' ? { ...fault, wallClockOffset: offsetOf(fault.host) } : fault,
    ),
  );
  world.run(span + QUIET_PERIOD);
  return world.trace.lines();
}

/** One line for each set of offsets under which the run differs. */
export function clockDifferences(scenario: ClockScenario): string[] {
  const expected = factsUnderClocks(() => 0, scenario);
  const found: string[] = [];
  for (const [name, clocks] of Object.entries(CLOCK_SKEWS)) {
    const facts = factsUnderClocks(clocks, scenario);
    const at = expected.findIndex((line, i) => line !== facts[i]);
    if (at >= 0 || facts.length !== expected.length)
      found.push(`I16 clocks ${name}: "${facts[Math.max(0, at)]}" instead of "${expected[Math.max(0, at)]}"`);
  }
  return found;
}
