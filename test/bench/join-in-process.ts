/**
 * Joins of many agents in one process, over real UDP and TCP: all but the first join the first at once. Their shells are those of an
 * agent, without HTTP and DNS. `npm run bench -- join --in-process 64,256`, or `npx tsx test/bench/join-in-process.ts 64 256`.
 */
import { randomBytes } from 'node:crypto';
import { createAgent } from '../../src/agent/agent.ts';
import type { Fact } from '../../src/agent/contract/facts.ts';
import { type Address, parseAddress } from '../../src/base/address.ts';
import { createRng } from '../../src/base/rng.ts';
import { serfSection, swimSection } from '../../src/config/protocol.ts';
import { withDefaults } from '../../src/config/setting.ts';
import { monotonicNow } from '../../src/shell/driver.ts';
import type { Journal } from '../../src/shell/logging/journal.ts';
import { type Shell, startShell } from '../../src/shell/shell.ts';
import { NONCE_BYTES } from '../../src/wire/crypt.ts';
import { sleep } from '../support/wait.ts';
import { counters, HEADER_BYTES } from './kit/capture.ts';
import { fixed, heading, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';

interface Job {
  readonly members: number;
  /** The joins are given up after this. */
  readonly limitSeconds: number;
}

interface Figures {
  readonly members: number;
  /** Milliseconds until the last join was answered, and until all knew all; `null`: not within the limit. */
  readonly answered: number;
  readonly all: number | null;
  /** Processor time of the process, ms: until all knew all, and until 5 s later. */
  readonly processor: number;
  readonly processorLater: number;
  /** Joins that were refused, or not answered in time. */
  readonly failedJoins: number;
  /** How often a member was declared dead; all run. */
  readonly falseFailures: number;
  /** By member until 5 s after all knew all, with IP, UDP and TCP headers. */
  readonly udpBytes: number;
  readonly tcpBytes: number;
  readonly datagrams: number;
  readonly dials: number;
  /** How often each of some facts was recorded. */
  readonly facts: Readonly<Record<string, number>>;
}

const LATER_SECONDS = 5;
const SIZES = [64, 128, 256];
/** Facts that tell of something that should not happen. */
const TOLD: ReadonlySet<Fact['kind']> = new Set([
  ...(['pushPullFailed', 'streamRefused', 'streamRejected', 'memberUnverified', 'probeFailed'] as const),
  ...(['memberFailed', 'stalled', 'memberSuspected', 'packetRejected', 'gossipMessageRefused'] as const),
]);

async function run(sizes: readonly number[] = SIZES): Promise<void> {
  const all: Figures[] = [];
  for (const members of sizes)
    all.push(
      await isolated<Job, Figures>(import.meta.url, { members, limitSeconds: Math.max(60, members / 5) }),
    );
  heading('agents in one process join the first at once: seconds, and bytes of each');
  const head = ['members', 'joins answered', 'all know all', 'processor', '5 s later'];
  const more = ['failed joins', 'false failures', 'UDP bytes', 'TCP bytes', 'datagrams', 'dials'];
  const rows = all.map((one) => [
    ...[String(one.members), fixed(one.answered / 1000, 2)],
    one.all === null ? '-' : fixed(one.all / 1000, 2),
    ...[fixed(one.processor / 1000, 2), fixed(one.processorLater / 1000, 2)],
    ...[String(one.failedJoins), String(one.falseFailures)],
    ...[one.udpBytes, one.tcpBytes, one.datagrams].map((value) => fixed(value)),
    fixed(one.dials, 1),
  ]);
  console.log(table([[...head, ...more], ...rows]));
  for (const { members, facts } of all) console.log(`\n${members}: ${JSON.stringify(facts)}`);
}

/** What all agents have recorded. */
class Counts {
  readonly facts = new Map<string, number>();
  datagrams = 0;
  udpBytes = 0;
}

/** The journal of one agent. */
class Knowledge implements Journal {
  readonly counters = new Map<string, number>();
  readonly counterHelp = new Map<string, string>();
  /** The members that it holds as joined, itself among them. */
  joined = 0;
  readonly #counts: Counts;

  constructor(counts: Counts) {
    this.#counts = counts;
  }

  record({ kind }: Parameters<Journal['record']>[0]): void {
    if (kind === 'memberJoined') this.joined += 1;
    else if (kind === 'memberFailed' || kind === 'memberLeft') this.joined -= 1;
    const { facts } = this.#counts;
    if (TOLD.has(kind as Fact['kind'])) facts.set(kind, (facts.get(kind) ?? 0) + 1);
  }

  recordPacket(direction: 'received' | 'sent', _: Address, bytes: number): void {
    if (direction === 'received') return;
    this.#counts.datagrams += 1;
    this.#counts.udpBytes += HEADER_BYTES + bytes;
  }

  recentWarnings(): [] {
    return [];
  }
}

async function start(i: number, journal: Journal): Promise<Shell> {
  return startShell({
    bind: parseAddress(`127.86.${1 + (i >> 7)}.${1 + (i & 127)}:7946`) as Address,
    createAgent: (address) =>
      createAgent({
        ...{ name: `m${String(i).padStart(4, '0')}`, address, tags: new Map(), keys: [], label: '' },
        ...{ swim: withDefaults(swimSection), serf: withDefaults(serfSection), rng: createRng(1 + i) },
        ...{ nonce: () => randomBytes(NONCE_BYTES), startedAt: Date.now(), now: monotonicNow() },
      }),
    journal,
    checks: { allowExec: false },
    onFatal: (error) => {
      throw error;
    },
    onStopped: () => {},
  });
}

async function measure({ members, limitSeconds }: Job): Promise<Figures> {
  const counts = new Counts();
  const knowledge = Array.from({ length: members }, () => new Knowledge(counts));
  const shells: Shell[] = [];
  for (const [i, journal] of knowledge.entries()) shells.push(await start(i, journal));
  await sleep(1000); // The agents have started and are idle.
  const before = { ...counters(), datagrams: counts.datagrams, udpBytes: counts.udpBytes };
  const used = process.cpuUsage();
  const spent = (): number => {
    const { user, system } = process.cpuUsage(used);
    return (user + system) / 1000;
  };
  const startedAt = performance.now();
  const passed = (): number => performance.now() - startedAt;
  let answered = 0;
  let failedJoins = members - 1;
  const [first, ...others] = shells as [Shell, ...Shell[]];
  const seeds = [`${first.address.host}:${first.address.port}`];
  for (const { agent } of others)
    agent.execute({ kind: 'join', seeds }).then((report) => {
      failedJoins -= report?.joined ?? 0;
      answered = passed();
    }, console.error);
  const isMet = (): boolean => knowledge.every(({ joined }) => joined === members);
  while (!isMet() && passed() < limitSeconds * 1000) await sleep(20);
  const all = isMet() ? passed() : null;
  const processor = spent();
  await sleep(LATER_SECONDS * 1000);
  const after = counters();
  const each = (value: number): number => value / members;
  const udpBytes = counts.udpBytes - before.udpBytes;
  return {
    ...{ members, answered, all, processor, failedJoins },
    processorLater: spent(),
    falseFailures: counts.facts.get('memberFailed') ?? 0,
    udpBytes: each(udpBytes),
    tcpBytes: each(after.loopbackBytes - before.loopbackBytes - udpBytes),
    datagrams: each(counts.datagrams - before.datagrams),
    dials: each(after.dialed - before.dialed),
    facts: Object.fromEntries(counts.facts),
  };
}

export { run };

await main(import.meta.url, {
  run: () =>
    run(
      process.argv
        .slice(2)
        .map(Number)
        .filter((size) => size > 1),
    ),
  measure,
});
