/**
 * Joins: thirty-two running agents join one seed at once; time until each of them knows all. The tail matters more than
 * the median. `npx tsx test/bench/join.ts [--short]`.
 */
import { sleep } from '../support/wait.ts';
import {
  type BenchAgent,
  confirm,
  joinFirst,
  killAll,
  launchAll,
  processorMillis,
  spanUntil,
  whenEach,
} from './kit/agents.ts';
import { fixed, heading, median, percentile, sum, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { type Kind, kinds, SHORT } from './kit/options.ts';

const MEMBERS = 32;
const LIMIT_SECONDS = 60;
const RUNS: Readonly<Record<Kind, number>> = SHORT ? { hearsay: 5, serf: 2 } : { hearsay: 21, serf: 9 };
/** Runs of one kind end early after this time: Serf's tail is minutes long. */
const BUDGET_SECONDS = SHORT ? 100 : 240;

interface Job {
  readonly kind: Kind;
}

/** Milliseconds; `null` stands for "not within the limit", since JSON has no infinity. */
interface JoinRun {
  /** Until the last join command was answered. */
  readonly answered: number;
  /** Until nine of ten agents knew all. */
  readonly most: number | null;
  readonly all: number | null;
  /** Processor time of all agents together until then. */
  readonly processor: number;
}

async function run(): Promise<void> {
  const rows: string[][] = [];
  for (const kind of kinds()) {
    const runs: JoinRun[] = [];
    const endAt = performance.now() + BUDGET_SECONDS * 1000;
    while (runs.length < RUNS[kind] && performance.now() < endAt)
      runs.push(await isolated<Job, JoinRun>(import.meta.url, { kind }));
    rows.push([kind, String(runs.length), ...columns(runs)]);
  }
  heading(`${MEMBERS} agents join one seed at once: seconds until`);
  const head = [
    '',
    'runs',
    'joins answered',
    '9 of 10 know all',
    'all: best',
    'median',
    'p90',
    'worst',
    'processor',
  ];
  console.log(table([head, ...rows]));
}

function columns(runs: readonly JoinRun[]): string[] {
  const all = runs.map((one) => one.all ?? Number.POSITIVE_INFINITY);
  const most = runs.map((one) => one.most ?? Number.POSITIVE_INFINITY);
  return [
    median(runs.map((one) => one.answered)),
    median(most),
    Math.min(...all),
    median(all),
    percentile(all, 0.9),
    Math.max(...all),
    median(runs.map((one) => one.processor)),
  ].map((value) => (Number.isFinite(value) ? fixed(value / 1000, 2) : `> ${LIMIT_SECONDS}`));
}

async function measure({ kind }: Job): Promise<JoinRun> {
  const agents = await launchAll(kind, MEMBERS);
  await sleep(1000); // The agents have started and are idle.
  const usedBefore = used(agents);
  const startedAt = performance.now();
  const [knownAt, answeredAt] = await Promise.all([
    whenEach(agents, LIMIT_SECONDS * 1000, ({ up }) => up.size === MEMBERS),
    joinFirst(agents).then(() => performance.now()),
  ]);
  const processor = used(agents) - usedBefore;
  const all = spanUntil(1, knownAt, startedAt);
  if (Number.isFinite(all)) await confirm(agents, MEMBERS);
  await killAll(agents);
  return { answered: answeredAt - startedAt, most: spanUntil(0.9, knownAt, startedAt), all, processor };
}

const used = (agents: readonly BenchAgent[]): number =>
  sum(agents.map(({ child }) => processorMillis(child.pid as number)));

export { run };

await main(import.meta.url, { run, measure });
