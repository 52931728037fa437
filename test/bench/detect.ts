/**
 * Failure detection: one of thirty-two agents is killed; time until the first and until all others see it as failed.
 * `npx tsx test/bench/detect.ts [--short]`.
 */
import { sleep } from '../support/wait.ts';
import {
  type BenchAgent,
  confirm,
  joinFirst,
  killAll,
  launch,
  launchAll,
  spanUntil,
  whenEach,
} from './kit/agents.ts';
import { fixed, heading, median, percentile, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { type Kind, kinds, SHORT } from './kit/options.ts';

const MEMBERS = 32;
const RUNS = SHORT ? 3 : 15;
const LIMIT_SECONDS = 60;
/** Pause between a victim's return and the next kill. */
const QUIET_SECONDS = 3;

interface Job {
  readonly kind: Kind;
}

/** Milliseconds from the kill. */
interface Detection {
  readonly first: number;
  /** `null`: not within the limit. */
  readonly all: number | null;
  /** Other members that were declared failed meanwhile, though they were running. */
  readonly falsePositives: number;
}

async function run(): Promise<void> {
  const rows: string[][] = [];
  for (const kind of kinds()) {
    const runs = await isolated<Job, Detection[]>(import.meta.url, { kind });
    const first = runs.map((one) => one.first);
    const all = runs.map((one) => one.all ?? Number.POSITIVE_INFINITY);
    const spans = [median(first), Math.min(...all), median(all), percentile(all, 0.9), Math.max(...all)];
    const falsePositives = runs.reduce((sum, one) => sum + one.falsePositives, 0);
    rows.push([
      kind,
      String(runs.length),
      ...spans.map((value) => fixed(value / 1000, 2)),
      String(falsePositives),
    ]);
  }
  heading(`one of ${MEMBERS} is killed: seconds until the others hold it as failed`);
  const head = ['', 'runs', 'the first: median', 'all: best', 'median', 'p90', 'worst', 'false positives'];
  console.log(table([head, ...rows]));
}

async function measure({ kind }: Job): Promise<Detection[]> {
  const agents = await launchAll(kind, MEMBERS);
  await joinFirst(agents);
  await allMet(agents);
  const runs: Detection[] = [];
  for (let i = 0; i < RUNS; i++) {
    await sleep(QUIET_SECONDS * 1000 + Math.random() * 1000); // Not in step with the agents' probes.
    const at = 1 + ((i * 7) % (MEMBERS - 1)); // Returning agents join the first one, so it is never killed.
    runs.push(await killOne(agents, at));
    const { name, ip } = agents[at] as BenchAgent;
    const again = launch(kind, name, ip);
    agents[at] = again;
    await again.greet();
    await again.join((agents[0] as BenchAgent).ip);
    await allMet(agents);
  }
  await killAll(agents);
  return runs;
}

async function killOne(agents: readonly BenchAgent[], at: number): Promise<Detection> {
  const victim = agents[at] as BenchAgent;
  const others = agents.filter((agent) => agent !== victim);
  const linesBefore = others.map((agent) => agent.log.length);
  const killedAt = performance.now();
  victim.kill();
  const knownAt = await whenEach(others, LIMIT_SECONDS * 1000, ({ up }) => !up.has(victim.name));
  const falsePositives = others.flatMap(({ log }, i) => log.slice(linesBefore[i])).filter(saysFailed);
  return {
    first: spanUntil(0, knownAt, killedAt),
    all: spanUntil(1, knownAt, killedAt),
    falsePositives: falsePositives.filter((line) => !line.includes(victim.name)).length,
  };
}

const saysFailed = (line: string): boolean => /member failed|EventMemberFailed/.test(line);

async function allMet(agents: readonly BenchAgent[]): Promise<void> {
  const met = await whenEach(agents, 2 * LIMIT_SECONDS * 1000, ({ up }) => up.size === MEMBERS);
  if (met.includes(undefined)) throw new Error('they did not all meet within two minutes');
  await confirm(agents, MEMBERS);
}

export { run };

await main(import.meta.url, { run, measure });
