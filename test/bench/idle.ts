/**
 * Traffic of an idle cluster of ten: UDP packets and bytes per member and second, by message, and the memory of a
 * member. `npx tsx test/bench/idle.ts [--short]`.
 */
import { sleep } from '../support/wait.ts';
import { confirm, joinFirst, launchAll, memoryOf, whenEach } from './kit/agents.ts';
import { Capture, type Counters, counters, type Datagram, HEADER_BYTES } from './kit/capture.ts';
import { fixed, heading, median, sum, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { installed, type Kind, kinds, SHORT } from './kit/options.ts';

const MEMBERS = 10;
const SETTLE_SECONDS = SHORT ? 10 : 20;
const WINDOW_SECONDS = SHORT ? 15 : 60;

interface Job {
  readonly kind: Kind;
  readonly captures: boolean;
}

interface Figures {
  readonly kind: Kind;
  readonly before: Counters;
  readonly after: Counters;
  /** Empty if tcpdump is not installed. */
  readonly datagrams: readonly Datagram[] | undefined;
  /** In MB, median of the members. */
  readonly rss: number;
  readonly seconds: number;
}

async function run(): Promise<void> {
  const captures = installed('tcpdump');
  // Both kinds at the same time: counters do not depend on the load of the machine.
  const all = await Promise.all(
    kinds().map((kind) => isolated<Job, Figures>(import.meta.url, { kind, captures })),
  );
  heading(`idle cluster of ${MEMBERS}, ${WINDOW_SECONDS} s; each figure per member and second`);
  const head = [
    '',
    'UDP packets',
    'captured',
    'bytes',
    'with IP and UDP headers',
    'TCP bytes',
    'dials/min',
    'RSS MB',
  ];
  console.log(table([head, ...all.map(row)]));
  if (!captures) return console.log('\ntcpdump is not installed: packets are counted, their bytes are not');
  for (const figures of all) {
    console.log(`\n${figures.kind}, by what a packet says:\n`);
    console.log(table([['', 'packets', 'bytes', 'bytes each'], ...kindRows(figures)]));
  }
}

function row({ kind, before, after, datagrams, rss, seconds }: Figures): string[] {
  const each = (value: number): number => value / MEMBERS / seconds;
  const sent = after.datagramsSent - before.datagramsSent;
  const loopback = after.loopbackBytes - before.loopbackBytes;
  const bytes = datagrams === undefined ? undefined : sum(datagrams.map((one) => one.bytes));
  const whole = bytes === undefined ? undefined : bytes + HEADER_BYTES * (datagrams?.length ?? 0);
  return [
    kind,
    fixed(each(sent), 2),
    fixed(datagrams === undefined ? undefined : each(datagrams.length), 2),
    fixed(bytes === undefined ? undefined : each(bytes), 1),
    fixed(whole === undefined ? undefined : each(whole), 1),
    fixed(whole === undefined ? undefined : each(loopback - whole), 1),
    fixed(60 * each(after.dialed - before.dialed), 1),
    fixed(rss, 1),
  ];
}

function kindRows({ datagrams = [], seconds }: Figures): string[][] {
  const kinds = new Map<string, { packets: number; bytes: number }>();
  for (const { says, bytes } of datagrams) {
    const held = kinds.get(says) ?? { packets: 0, bytes: 0 };
    kinds.set(says, { packets: held.packets + 1, bytes: held.bytes + bytes });
  }
  return [...kinds]
    .sort(([, a], [, b]) => b.bytes - a.bytes)
    .map(([says, { packets, bytes }]) => [
      says,
      fixed(packets / MEMBERS / seconds, 3),
      fixed(bytes / MEMBERS / seconds, 1),
      fixed(bytes / packets, 1),
    ]);
}

async function measure({ kind, captures }: Job): Promise<Figures> {
  const agents = await launchAll(kind, MEMBERS);
  await joinFirst(agents);
  const met = await whenEach(agents, 60_000, ({ up }) => up.size === MEMBERS);
  if (met.includes(undefined)) throw new Error(`${kind}: they did not all meet within a minute`);
  await confirm(agents, MEMBERS);
  await sleep(SETTLE_SECONDS * 1000); // Until the last broadcast of the joins has been sent often enough.

  const capture = captures ? await Capture.start() : undefined;
  const before = counters();
  const startedAt = performance.now();
  await sleep(WINDOW_SECONDS * 1000);
  const after = counters();
  const seconds = (performance.now() - startedAt) / 1000;
  const datagrams = await capture?.stop();
  const rss = median(agents.map(({ child }) => memoryOf(child.pid as number).rss));
  return { kind, before, after, datagrams, rss, seconds };
}

export { run };

await main(import.meta.url, { run, measure });
