/**
 * Sixteen agents of hearsay and sixteen of Serf in one cluster: time until the Serf agents hold a killed hearsay agent as failed, and who
 * of either kind is declared failed after it was suspended for seven seconds. `npx tsx test/bench/mixed.ts [--short]`; needs `serf`.
 */
import { sleep } from '../support/wait.ts';
import {
  type BenchAgent,
  confirm,
  joinFirst,
  killAll,
  launch,
  memberIp,
  memberName,
  spanUntil,
  whenEach,
} from './kit/agents.ts';
import { fixed, heading, load, median, percentile, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { type Kind, kinds, SHORT } from './kit/options.ts';

const MEMBERS = 32;
const KILLS = SHORT ? 4 : 15;
const SUSPENSIONS = SHORT ? 2 : 10;
const SUSPENDED_MS = 7000;
const LIMIT_MS = 60_000;
/** Until the streams of an agent that has returned are open, and suspicions of one that was suspended are over. */
const QUIET_MS = 5000;
const AFTER_SUSPENSION_MS = 15_000;

const kindOf = (i: number): Kind => (i % 2 === 0 ? 'hearsay' : 'serf');
const start = (i: number): BenchAgent => launch(kindOf(i), memberName(i), memberIp(i));

interface Measured {
  /** Milliseconds from each kill until the last Serf agent, and the last hearsay agent, holds the victim as failed. */
  readonly known: readonly { readonly serf: number; readonly hearsay: number }[];
  /** For each suspension, how many of the 31 others declared the suspended agent failed. */
  readonly failed: Readonly<Record<Kind, readonly number[]>>;
  /** Lines of Serf's logs at level error. */
  readonly complaints: readonly string[];
  readonly load: string;
}

async function run(): Promise<void> {
  if (!kinds().includes('serf')) return;
  const { known, failed, complaints, load: loadThen } = await isolated<object, Measured>(import.meta.url, {});
  heading(
    `${MEMBERS / 2} of each kind; one of hearsay is killed: seconds until the last of each kind holds it as failed`,
  );
  const row = (kind: Kind): string[] => {
    const spans = known.map((one) => one[kind]);
    const shown = [median(spans), percentile(spans, 0.9), Math.max(...spans)];
    return [kind, String(spans.length), ...shown.map((value) => fixed(value / 1000, 2))];
  };
  console.log(table([['', 'kills', 'median', 'p90', 'worst'], row('hearsay'), row('serf')]));
  for (const kind of ['hearsay', 'serf'] as const)
    console.log(
      `\n${kind} suspended for ${SUSPENDED_MS / 1000} s: declared failed by ${failed[kind].join(', ')} of ${MEMBERS - 1}`,
    );
  console.log(`\nSerf's errors: ${complaints.length}`);
  for (const line of complaints.slice(0, 10)) console.log(`  ${line}`);
  console.log(`\n${loadThen} at the end`);
}

async function measure(): Promise<Measured> {
  const agents = Array.from({ length: MEMBERS }, (_, i) => start(i));
  for (const agent of agents) await agent.greet();
  await joinFirst(agents);
  await allMet(agents);
  const known: { serf: number; hearsay: number }[] = [];
  for (let i = 0; i < KILLS; i++) {
    await sleep(QUIET_MS + Math.random() * 1000); // not in step with the agents' probes
    known.push(await killOne(agents, 2 + ((i * 6) % (MEMBERS - 2))));
  }
  const failed: Record<Kind, number[]> = { hearsay: [], serf: [] };
  for (let i = 0; i < 2 * SUSPENSIONS; i++) {
    const at = 2 + ((i * 7) % (MEMBERS - 2));
    failed[kindOf(at)].push(await suspendOne(agents, agents[at] as BenchAgent));
    await allMet(agents);
  }
  const complaints = agents.filter(({ kind }) => kind === 'serf').flatMap(({ log }) => log.filter(isError));
  await killAll(agents);
  return { known, failed, complaints, load: load() };
}

/** The victim, a hearsay agent, comes back. */
async function killOne(agents: BenchAgent[], at: number): Promise<{ serf: number; hearsay: number }> {
  const victim = agents[at] as BenchAgent;
  const others = agents.filter((agent) => agent !== victim);
  const killedAt = performance.now();
  victim.kill();
  const instants = await whenEach(others, LIMIT_MS, ({ up }) => !up.has(victim.name));
  const spanOf = (kind: Kind): number =>
    spanUntil(
      1,
      instants.filter((_, i) => others[i]?.kind === kind),
      killedAt,
    );
  const span = { serf: spanOf('serf'), hearsay: spanOf('hearsay') };
  const again = start(at);
  agents[at] = again;
  await again.greet();
  await again.join((agents[0] as BenchAgent).ip);
  await allMet(agents);
  return span;
}

async function suspendOne(agents: readonly BenchAgent[], victim: BenchAgent): Promise<number> {
  const others = agents.filter((agent) => agent !== victim);
  const before = others.map(({ log }) => log.length);
  victim.child.kill('SIGSTOP');
  await sleep(SUSPENDED_MS);
  victim.child.kill('SIGCONT');
  await sleep(AFTER_SUSPENSION_MS);
  const declares = (line: string): boolean =>
    /member failed|EventMemberFailed/.test(line) && line.includes(victim.name);
  return others.filter(({ log }, i) => log.slice(before[i]).some(declares)).length;
}

/** Of its own RPC clients and of members that were killed Serf complains, too: neither concerns the wire. */
const isError = (line: string): boolean =>
  /\[ERR\]/.test(line) &&
  !/agent\.ipc|connection refused|i\/o timeout|connection reset|broken pipe|EOF/.test(line);

async function allMet(agents: readonly BenchAgent[]): Promise<void> {
  const met = await whenEach(agents, 2 * LIMIT_MS, ({ up }) => up.size === MEMBERS);
  if (met.includes(undefined)) throw new Error('they did not all meet within two minutes');
  await confirm(agents, MEMBERS);
}

export { run };

await main(import.meta.url, { run, measure });
