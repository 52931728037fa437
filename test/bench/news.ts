/**
 * How fast news is: an agent of thirty-two fires a user event; time until half of the others and until all have received it, as their logs
 * say. `npx tsx test/bench/news.ts [--short]`.
 */
import { sleep } from '../support/wait.ts';
import {
  type BenchAgent,
  confirm,
  joinFirst,
  killAll,
  launchAll,
  spanUntil,
  whenEach,
} from './kit/agents.ts';
import { fixed, heading, load, median, percentile, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { type Kind, kinds, SHORT } from './kit/options.ts';

const MEMBERS = 32;
const EVENTS = SHORT ? 20 : 100;
const LIMIT_MS = 60_000;
/** Until the queues of the last event are empty. */
const PAUSE_MS = 1500;

interface Job {
  readonly kind: Kind;
}

/** Milliseconds from the call of the API. */
interface Spread {
  readonly half: readonly number[];
  readonly all: readonly number[];
  readonly load: string;
}

async function run(): Promise<void> {
  const rows: string[][] = [];
  const loads: string[] = [];
  for (const kind of kinds()) {
    const { half, all, load: loadThen } = await isolated<Job, Spread>(import.meta.url, { kind });
    const spans = [median(half), median(all), percentile(all, 0.9), percentile(all, 0.99), Math.max(...all)];
    rows.push([kind, String(all.length), ...spans.map((value) => fixed(value, 0))]);
    loads.push(`${kind}: ${loadThen}`);
  }
  heading(`a user event among ${MEMBERS}: milliseconds until others have it`);
  console.log(table([['', 'events', 'half: median', 'all: median', 'p90', 'p99', 'worst'], ...rows]));
  console.log(`\n${loads.join('; ')}, each at its end`);
}

async function measure({ kind }: Job): Promise<Spread> {
  const args = kind === 'hearsay' ? ['--log-level', 'debug'] : [];
  const agents = await launchAll(kind, MEMBERS, { args });
  await joinFirst(agents);
  const met = await whenEach(agents, 2 * LIMIT_MS, ({ up }) => up.size === MEMBERS);
  if (met.includes(undefined)) throw new Error('they did not all meet within two minutes');
  await confirm(agents, MEMBERS);
  const [half, all]: [number[], number[]] = [[], []];
  for (let i = 0; i < EVENTS; i++) {
    await sleep(PAUSE_MS * (0.5 + Math.random()));
    const by = agents[(i * 7) % MEMBERS] as BenchAgent;
    const others = agents.filter((agent) => agent !== by);
    const received = whenEach(others, LIMIT_MS, ({ events }) => events.has(`deploy-${i}`));
    const from = performance.now();
    await by.fire(`deploy-${i}`);
    const instants = await received;
    half.push(spanUntil(0.5, instants, from));
    all.push(spanUntil(1, instants, from));
  }
  await killAll(agents);
  return { half, all, load: load() };
}

export { run };

await main(import.meta.url, { run, measure });
