/** Issue 14: real Serf agents beside ours, and Serf agents alone, under the same attacks: those beside ours fare no worse. */
import { afterEach, expect, test } from 'vitest';
import { concatBytes, NO_BYTES } from '../../src/base/bytes.ts';
import { createRng } from '../../src/base/rng.ts';
import { metaFromTags } from '../../src/serf/tags.ts';
import { encodeFilter } from '../../src/wire/filter.ts';
import {
  Ack,
  Dead,
  IndirectPing,
  MESSAGE_TYPE,
  Ping,
  PushNodeState,
  Suspect,
} from '../../src/wire/memberlist.ts';
import { JoinIntent, LeaveIntent, Query, SerfState, UserEvent } from '../../src/wire/serf.ts';
import { decodeStruct } from '../../src/wire/struct.ts';
import { getJson } from '../support/http.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  type ListedMember,
  startHearsay,
  startSerf,
} from '../support/processes.ts';
import { runSerf } from '../support/serf.ts';
import { waitUntil } from '../support/wait.ts';
import { Attacker, KEY, octets, PORT, toUserMessage } from './attacker.ts';

afterEach(killProcesses);

const LIMIT_MS = 120_000;
/** Agents of Serf alone may be harmed for good: they are waited for, but not for long. */
const ALONE_LIMIT_MS = 8000;
/** Agents of Serf in the mixed cluster. */
const SERFS = 3;
const NAMES = ['s1', 's2', 's3', 'x1', 'x2'] as const;
/** Members of either kind are accused: the first is an agent of Serf in both clusters, the other is ours where there is one of ours. */
const VICTIMS = ['s1', 'x2'] as const;

interface Cluster {
  readonly agents: readonly AgentProcess[];
  readonly serfs: readonly AgentProcess[];
  readonly mallory: Attacker;
  readonly ip: (name: (typeof NAMES)[number]) => string;
}

/** Five members; `x1` and `x2` are ours, or agents of Serf as well. */
async function startCluster(net: number, start: typeof startSerf): Promise<Cluster> {
  const ip = (name: (typeof NAMES)[number]): string => `127.98.${net}.${1 + NAMES.indexOf(name)}`;
  const agents: AgentProcess[] = [];
  for (const name of NAMES) {
    const join = agents.length === 0 ? {} : { join: `${ip('s1')}:${PORT}` };
    agents.push(await (name.startsWith('x') ? start : startSerf)({ name, ip: ip(name), key: KEY, ...join }));
  }
  const mallory = await Attacker.at(`127.98.${net}.9`, KEY);
  return { agents, serfs: agents.filter(({ kind }) => kind === 'serf'), mallory, ip };
}

/** All agents, of both kinds, list all five as alive and at their addresses. */
async function allAlive({ agents, ip }: Cluster): Promise<true> {
  for (const agent of agents) {
    const rows = await listed(agent);
    for (const name of NAMES) {
      const row = rows.find((one) => one.name === name);
      const found = row === undefined ? 'missing' : `${row.status} at ${row.addr}`;
      if (found !== `alive at ${ip(name)}:${PORT}`)
        throw new Error(`${agent.name} lists ${name} as ${found}`);
    }
  }
  return true;
}
/** Ours by HTTP, since its command line starts more slowly than that of Serf. */
async function listed(
  agent: AgentProcess,
): Promise<readonly Pick<ListedMember, 'name' | 'addr' | 'status'>[]> {
  if (agent.kind === 'serf') return agent.members();
  type Row = { name: string; status: string; addr: string; port: number };
  const rows = await getJson<Row[]>(`http://${agent.ip}:8500/v1/hearsay/members`);
  return rows.map((row) => ({ ...row, addr: `${row.addr}:${row.port}` }));
}

/** The queries of an agent of Serf are answered by all members, of both kinds: its clock is theirs, and it is heard. */
async function isAnswered(sender: AgentProcess): Promise<true> {
  const { stdout } = await runSerf(sender, ['query', '-format=json', '-timeout=500ms', 'hello']);
  const { Acks: acks } = JSON.parse(stdout) as { Acks: readonly string[] };
  const silent = NAMES.filter((name) => !acks.includes(name));
  if (silent.length > 0) throw new Error(`${sender.name} is not answered by ${silent.join(' and ')}`);
  return true;
}

/** Each agent has read what was sent before: it acks a ping that came later. */
async function allRead({ agents, mallory }: Cluster, limitMs: number): Promise<void> {
  const source = { sourceAddr: octets(mallory.ip), sourcePort: PORT, sourceNode: mallory.name };
  const acked = new Set<number>();
  mallory.onMessage = (message) => {
    if (message[0] === MESSAGE_TYPE.ack) acked.add(decodeStruct(Ack, message).seqNo);
  };
  for (const [i, { name, ip }] of agents.entries())
    await waitUntil(`${name} acks a ping`, limitMs, () => {
      const seqNo = 7000 + i;
      if (!acked.has(seqNo))
        mallory.send(ip, [Ping.encode(Ping.create({ seqNo, node: name, ...source })).slice()]);
      return acked.has(seqNo);
    });
}

/** Milliseconds until all is well. */
async function recovery(cluster: Cluster, after: string, limitMs: number): Promise<number> {
  const from = performance.now();
  await allRead(cluster, limitMs);
  await waitUntil(`all alive after ${after}`, limitMs, () => allAlive(cluster));
  const senders = cluster.serfs.slice(0, SERFS);
  await Promise.all(
    senders.map((one) => waitUntil(`${one.name} heard after ${after}`, limitMs, () => isAnswered(one))),
  );
  for (const { name, child } of cluster.agents) expect([name, child.exitCode]).toEqual([name, null]);
  return Math.round(performance.now() - from);
}

/** Made with the lowest incarnation that earlier attacks have not used. */
type Attack = (cluster: Cluster, incarnation: number) => unknown;
const each = ({ agents }: Cluster, act: (ip: string) => void): void => {
  for (const { ip } of agents) act(ip);
};
const upTo = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const row = (over: Partial<PushNodeState>): PushNodeState =>
  PushNodeState.create({
    ...{ addr: octets('127.98.99.9'), port: 7000, meta: NO_BYTES, vsn: Uint8Array.of(1, 5, 2, 2, 5, 5) },
    ...{ incarnation: 1, ...over },
  });
const times = (ltime: number): Uint8Array =>
  SerfState.encode(SerfState.create({ ltime, eventLTime: ltime, queryLTime: ltime })).slice();
const asked = ({ mallory }: Cluster, over: Partial<Query>): Uint8Array =>
  Query.encode(
    Query.create({
      ...{ addr: octets(mallory.ip), port: PORT, sourceNode: mallory.name, timeout: 1e9, name: 'q' },
      ...over,
    }),
  ).slice();
/** Messages about both victims, to all members. */
const ofVictims = (cluster: Cluster, make: (node: (typeof NAMES)[number]) => readonly Uint8Array[]): void => {
  for (const node of VICTIMS) each(cluster, (ip) => cluster.mallory.send(ip, make(node), true));
};
const STEPS = 12;
/** Where the Lamport clocks are after the second walk. */
const WALKED = STEPS * (2 ** 32 - 8);
const walk = async (cluster: Cluster, to: readonly string[], step: number): Promise<void> => {
  const { mallory } = cluster;
  for (const ip of to)
    for (let i = 1; i <= STEPS; i++) {
      const ltime = i * step;
      mallory.sendUser(
        ip,
        UserEvent.encode({ ltime, name: 'z', payload: NO_BYTES, cc: false }).slice(),
        JoinIntent.encode({ ltime, node: 'zzz' }).slice(),
        asked(cluster, { ltime, id: i, flags: 2 }),
      );
      await mallory.pushPull(ip, times(ltime));
    }
};

/** What an agent of Serf recovers from alone. Those that end it are in test/interop/hostile.test.ts. */
const ATTACKS: Readonly<Record<string, Attack>> = {
  suspicions: (cluster, n) =>
    ofVictims(cluster, (node) =>
      upTo(40, (i) => Suspect.encode({ incarnation: n + i, node, from: 'mallory' }).slice()),
    ),
  deaths: (cluster, n) =>
    ofVictims(cluster, (node) =>
      upTo(40, (i) => Dead.encode({ incarnation: n + i, node, from: 'mallory' }).slice()),
    ),
  'other tags, addresses and forms of addresses': (cluster, n) =>
    ofVictims(cluster, (node) => {
      const own = { node, addr: octets(cluster.ip(node)), incarnation: n };
      const mapped = concatBytes([new Uint8Array(10), Uint8Array.of(255, 255), own.addr]);
      return [
        cluster.mallory.alive({ ...own, meta: metaFromTags(new Map([['role', 'x']])) }),
        cluster.mallory.alive({ ...own, incarnation: n + 10, addr: mapped }),
        cluster.mallory.alive({ node, incarnation: n + 10 }),
      ];
    }),
  'names in other letters': ({ mallory, ...cluster }) =>
    each({ mallory, ...cluster }, (ip) =>
      mallory.send(
        ip,
        ['S1', 'X2', '\uff531', 's1 ', 's\u200b1', 'e\u0301va', ''].map((node) => mallory.alive({ node })),
      ),
    ),
  'a walk of incarnations': (cluster) =>
    ofVictims(cluster, (node) =>
      upTo(200, (i) => {
        const incarnation = Math.min(2 ** 31 - 2, (i + 1) * 2 ** 24);
        return cluster.mallory.alive({ node, addr: octets(cluster.ip(node)), incarnation });
      }),
    ),
  'a walk of the clocks of one': (cluster) => walk(cluster, [cluster.ip('s2')], 2 ** 20 - 100),
  'a walk of all clocks': (cluster) =>
    walk(
      cluster,
      cluster.agents.map(({ ip }) => ip),
      WALKED / STEPS,
    ),
  'pings that name another': (cluster) => {
    const { mallory, ip } = cluster;
    const source = { sourceAddr: octets(ip('s3')), sourcePort: PORT, sourceNode: 's3' };
    const target = { target: octets(ip('s3')), port: PORT, node: 's3', nack: false };
    const ping = Ping.encode(Ping.create({ seqNo: 1, ...source })).slice();
    const indirect = IndirectPing.encode(IndirectPing.create({ seqNo: 1, ...target, ...source })).slice();
    each(cluster, (to) =>
      mallory.send(
        to,
        upTo(200, (i) => (i % 2 === 0 ? ping : indirect)),
        true,
      ),
    );
  },
  'dear queries': (cluster) => {
    const filter = encodeFilter({ kind: 'tag', tag: 'role', expr: '(?:(?:){0,7}){0,250}' }).slice();
    each(cluster, (ip) =>
      cluster.mallory.send(
        ip,
        upTo(20, (id) => toUserMessage(asked(cluster, { ltime: 5, id, filters: upTo(32, () => filter) }))),
        true,
      ),
    );
  },
  garbage: async (cluster) => {
    const rng = createRng(7);
    const bytes = (type: number): Uint8Array =>
      Uint8Array.from({ length: 1 + rng.int(200) }, (_, at) => (at === 0 ? type : rng.int(256)));
    // Without compounds: one whose lengths are cut off ends an agent of Serf.
    const types = upTo(14, (type) => type).filter((type) => type !== MESSAGE_TYPE.compound);
    const bodies = [
      ...upTo(130, (i) => bytes(types[i % types.length] ?? 0)),
      ...upTo(140, (i) => toUserMessage(bytes(i % 10))),
    ];
    each(cluster, (ip) => {
      for (const body of bodies) cluster.mallory.send(ip, [body]);
      for (const body of bodies) cluster.mallory.sendRaw(ip, body);
    });
    // Of more bytes than are read, so that nobody waits for them.
    const stream = concatBytes([Uint8Array.of(MESSAGE_TYPE.encrypt, 255, 255, 255, 255), bytes(1)]);
    await Promise.all(cluster.agents.map(({ ip }) => cluster.mallory.dial(ip, stream)));
  },
  'heavy push/pulls': async ({ mallory, agents }) => {
    const statusLTimes = new Map(upTo(20_000, (i) => [`name-${i}`, i + 1] as const));
    const state = SerfState.encode(SerfState.create({ ltime: 10, statusLTimes })).slice();
    const dead = upTo(20_000, (i) => row({ name: `dead-${i}`, state: 2 }));
    const insane = [row({ name: 'insane', vsn: Uint8Array.of(1, 5, 9, 2, 5, 5) })];
    const streams = agents.flatMap(({ ip }) => [
      mallory.pushPull(ip, state),
      mallory.pushPull(ip, NO_BYTES, dead),
      mallory.pushPull(ip, NO_BYTES, insane),
    ]);
    await Promise.all(streams);
  },
  // After addresses: who is held as left loses its name among agents of Serf.
  leaves: (cluster, n) =>
    ofVictims(cluster, (node) => [
      toUserMessage(LeaveIntent.encode({ ltime: n, node, prune: false }).slice()),
      ...upTo(40, (i) => Dead.encode({ incarnation: n + i, node, from: node }).slice()),
    ]),
  'a flood of members that do not exist': async (cluster) => {
    const ghosts = upTo(60, (i) => row({ name: `ghost-${i}`, port: 7000 + i }));
    for (const { ip } of cluster.agents) await cluster.mallory.pushPull(ip, NO_BYTES, ghosts);
  },
  'an erasing leave from far ahead, told to one': (cluster, n) =>
    cluster.mallory.send(cluster.ip('x1'), [
      toUserMessage(LeaveIntent.encode({ ltime: WALKED + 2 ** 35, node: 's1', prune: true }).slice()),
      Dead.encode({ incarnation: 2 ** 31, node: 's1', from: 's1' }).slice(),
      Dead.encode({ incarnation: n, node: 's1', from: 's1' }).slice(),
    ]),
};

/** What depends on when something came, and on whom an agent happened to choose. */
const BY_CHANCE =
  /agent\.ipc|non-running query|received old|probes failed|fallback|refused|reset by peer|broken pipe|timeout|Push\/Pull|queue full/i;

/** A line of each kind of warning and error in the logs of the agents of Serf, by the line without names and numbers. */
const complaints = ({ serfs }: Cluster): ReadonlyMap<string, string> =>
  new Map(
    serfs
      .flatMap(({ log }) => log().split(/\n|(?=\d{4}\/\d\d\/\d\d )/))
      .filter((line) => /\[(WARN|ERR)\]|panic/.test(line) && !BY_CHANCE.test(line))
      .map((line) => [kindOf(line), line]),
  );
const kindOf = (line: string): string =>
  line
    .replace(/^[\d/: ]*/, '')
    .replace(/\b(?:mallory|[sx]\d)\b/g, 'NAME')
    .replace(/\b[\d.:]*\d\b|\b[0-9a-f]{8}\b/g, 'N')
    .replace(/(decoder|decode \w+ \w+|decode \w+): .*/, '$1');

test.skipIf(!isInstalled('serf'))(
  'agents of Serf fare no worse beside ours than alone, under the same attacks',
  { timeout: 600_000 },
  async () => {
    const [mixed, alone] = await Promise.all([startCluster(1, startHearsay), startCluster(2, startSerf)]);
    await Promise.all([mixed, alone].map((one) => recovery(one, 'the start', LIMIT_MS)));
    let incarnation = 2;
    for (const [name, attack] of Object.entries(ATTACKS)) {
      const after = async (cluster: Cluster, limitMs: number): Promise<string> => {
        await attack(cluster, incarnation);
        return `after ${await recovery(cluster, name, limitMs)} ms`;
      };
      const [beside, without] = await Promise.all([
        after(mixed, LIMIT_MS),
        after(alone, ALONE_LIMIT_MS).catch((error: unknown) => String(error)),
      ]);
      process.stdout.write(`${name}: all is well ${beside}; without us: ${without}\n`);
      incarnation += 50;
    }
    const known = complaints(alone);
    expect([...complaints(mixed)].filter(([kind]) => !known.has(kind)).map(([, line]) => line)).toEqual([]);
    // The attacks have reached agents of Serf, and these logs are read.
    for (const one of [known, complaints(mixed)])
      for (const what of ['Refuting a dead message', 'Failed to decode'])
        expect([...one.keys()].some((kind) => kind.includes(what))).toBe(true);
    for (const { mallory } of [mixed, alone]) mallory.close();
  },
);
