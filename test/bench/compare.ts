/**
 * `npm run bench -- --compare COMMIT [--rounds N] [--short]`: this build beside that of another commit, taking turns in one run, so
 * that other load on the machine affects both. All figures are costs that load hardly moves; their ratios count, and a loss of a
 * tenth ends with exit code 1. Needs Linux and root for its namespace.
 */
import { withBuildOf } from '../../contrib/older-build.ts';
import {
  type Costs,
  costsOfJoin,
  costsOfRequests,
  costsOfSimulation,
  costsOfStart,
  startServer,
} from './kit/costs.ts';
import { heading, load } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { HEARSAY, SHORT } from './kit/options.ts';
import { type Comparison, compare, lossesOf, type Pair, ratioTable } from './kit/ratios.ts';

const REQUESTS = SHORT ? 1000 : 3000;
const MEMBERS = SHORT ? 50 : 200;

/** Programs of both. */
interface Job {
  readonly before: string;
  readonly after: string;
  readonly rounds: number;
}

type Side = 'before' | 'after';
type Round = Readonly<Record<Side, Costs>>;

/** Compares with the build of a commit, and tells whether nothing was lost. */
export async function runComparison(commit: string, rounds = SHORT ? 5 : 9): Promise<boolean> {
  return withBuildOf(commit, async (older) => {
    const job = { before: older.program, after: HEARSAY, rounds };
    const comparisons = compareRounds(await isolated<Job, readonly Round[]>(import.meta.url, job));
    heading(`this build beside that of ${older.commit}, ${rounds} rounds`);
    console.log(ratioTable(comparisons, older.commit));
    const losses = lossesOf(comparisons);
    for (const { name, ratio, verdict } of losses)
      console.log(
        verdict === 'worse'
          ? `\n${name}: ${Math.round(100 * (ratio - 1))} % more than ${older.commit}`
          : `\n${name}: the rounds do not agree (${load()}): try again with --rounds ${2 * rounds}`,
      );
    return losses.length === 0;
  });
}

function compareRounds(rounds: readonly Round[]): readonly Comparison[] {
  const names = Object.keys(rounds[0]?.after ?? {});
  return names.map((name) =>
    compare(
      name,
      rounds.map(
        ({ before, after }): Pair => ({
          before: before[name] ?? Number.NaN,
          after: after[name] ?? Number.NaN,
        }),
      ),
    ),
  );
}

/** In each round both do the same, one after the other; who begins changes. */
async function measure({ before, after, rounds }: Job): Promise<readonly Round[]> {
  const programs = { before, after };
  const servers = {
    before: await startServer(before, '127.0.3.1'),
    after: await startServer(after, '127.0.3.2'),
  };
  const results: Round[] = [];
  for (let i = 0; i <= rounds; i++) {
    const round: Record<Side, Costs> = { before: {}, after: {} };
    const order: readonly Side[] = i % 2 === 0 ? ['before', 'after'] : ['after', 'before'];
    const works: readonly ((side: Side) => Promise<Costs>)[] = [
      (side) => costsOfStart(programs[side], '127.0.4.1'),
      (side) => costsOfRequests(servers[side], REQUESTS),
      (side) => costsOfJoin(programs[side]),
      (side) => costsOfSimulation(programs[side], MEMBERS),
    ];
    for (const work of works)
      for (const side of order) round[side] = { ...round[side], ...(await work(side)) };
    if (i > 0) results.push(round); // The first round warms up.
  }
  return results;
}

await main(import.meta.url, { run: async () => {}, measure });
