/** The swarm with drains in it: `npm run swarm:drains -- --seeds 300 [--from 1] [--members 5] [--minutes 1]`. */
import { parseArgs } from 'node:util';
import { DoneLaw } from '../../src/sim/laws/catalog/done.ts';
import { runSwarm, type SwarmOptions, type SwarmReport } from '../../src/sim/scenarios/swarm.ts';
import { DRAINED_SERVICE, drawDrains, scheduleDrains } from '../../src/sim/workload/drain-load.ts';

const DRAINS_PER_MINUTE = 20;

/** The drains have a generator of their own, and runs without them do not change. */
export const runWithDrains = (options: SwarmOptions): SwarmReport =>
  runSwarm({
    ...options,
    moreLaws: (context) => {
      const { members, minutes, seed } = options;
      const { world } = context;
      const span = minutes * 60_000;
      // Serf peers come last, and have no catalog to drain from.
      world.schedule(0, () => {
        const hosts = [...world.hosts]
          .filter((one) => one.options.serfPeer !== true)
          .map(({ label }) => label);
        scheduleDrains(
          world,
          drawDrains(seed, { hosts, span, count: Math.round(DRAINS_PER_MINUTE * minutes) }),
        );
      });
      return members > 0 ? [new DoneLaw(context, DRAINED_SERVICE)] : [];
    },
  });

function main(): void {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '100' },
      from: { type: 'string', default: '1' },
      members: { type: 'string', default: '5' },
      minutes: { type: 'string', default: '1' },
    },
  });
  const [seeds, from, members, minutes] = [values.seeds, values.from, values.members, values.minutes].map(
    Number,
  ) as [number, number, number, number];
  const failed: number[] = [];
  let judged = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const { failures, judgments } = runWithDrains({ seed, members, minutes });
    judged += judgments.I34 ?? 0;
    if (failures.length === 0) continue;
    failed.push(seed);
    console.log(`seed ${seed} FAILED: npm run swarm:drains -- --from ${seed} --seeds 1 --members ${members}`);
    for (const line of failures.slice(0, 10)) console.log(`  ${line}`);
  }
  console.log(`${seeds} seeds, ${failed.length} failed; I34 judged ${judged} times`);
  process.exitCode = failed.length === 0 && judged > 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith('drains.ts') === true) main();
