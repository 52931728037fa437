/**
 * DNS answers per second of one agent (SRV of three instances), beside a bare node:dgram socket that always sends the
 * same bytes, and beside knotd, if it is installed, with one worker and the same records in a static zone. All three
 * take turns; the client is a process of its own (dnsperf, or Node if that is not installed), and the ratio within a
 * round is what counts. `npx tsx test/bench/dns-rate.ts [--short]`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'dns-packet';
import { httpRequest } from '../support/http.ts';
import { launch, processorMillis } from './kit/agents.ts';
import { fixed, heading, load, median, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { installed, SHORT } from './kit/options.ts';

const ROUNDS = SHORT ? 5 : 15;
const SECONDS = 2;
const IN_FLIGHT = 64;
const GOAL = 0.75;
const HOST = '127.0.1.1';
const PORTS = { echo: 8700, agent: 8600, knotd: 8701 } as const;
const NAME = 'three.service.consul';

type Who = keyof typeof PORTS;
const WORDS: Readonly<Record<Who, string>> = {
  echo: 'bare node:dgram, the same bytes',
  agent: 'hearsay agent',
  knotd: 'knotd, one worker',
};

interface Turn {
  /** Per second. */
  readonly answers: number;
  /** Microseconds of processor time, in user mode and in the kernel. */
  readonly each: number;
}

interface Figures {
  readonly asker: string;
  readonly bytes: number;
  readonly rounds: readonly (Readonly<Partial<Record<Who, Turn>>> & { readonly echo: Turn })[];
  readonly load: string;
}

async function run(): Promise<void> {
  const { asker, bytes, rounds, load } = await isolated<null, Figures>(import.meta.url, null);
  heading(`DNS: SRV of 3 instances, ${bytes} bytes, ${ROUNDS} rounds of ${SECONDS} s, ${asker}`);
  const rows = (Object.keys(PORTS) as Who[]).flatMap((who) => {
    const turns = rounds.flatMap((round) => round[who] ?? []);
    if (turns.length === 0) return [];
    const ofEcho = (pick: (turn: Turn, echo: Turn) => number): string =>
      fixed(
        median(rounds.flatMap((round) => (round[who] === undefined ? [] : pick(round[who], round.echo)))),
        2,
      );
    return [
      [
        WORDS[who],
        fixed(median(turns.map((turn) => turn.answers))),
        ofEcho((turn, echo) => turn.answers / echo.answers),
        fixed(median(turns.map((turn) => turn.each)), 1),
        ofEcho((turn, echo) => echo.each / turn.each),
      ],
    ];
  });
  console.log(table([['', 'answers/s', 'of the bare one', 'µs each', 'bare one / this'], ...rows]));
  console.log(`\ngoal: ${GOAL} of the bare one. ${load} at the end`);
}

async function measure(): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-dns-'));
  const agent = launch('hearsay', 'm00', HOST);
  await agent.greet();
  for (let i = 0; i < 3; i++) {
    const service = { ID: `three-${i}`, Name: 'three', Address: `10.1.0.${i}`, Port: 8000 };
    const body = JSON.stringify(service);
    const { status } = await httpRequest('PUT', `http://${HOST}:8500/v1/agent/service/register`, { body });
    if (status !== 200) throw new Error(`registration: ${status}`);
  }
  const answer = await waitForRecords(PORTS.agent);
  const children: Partial<Record<Who, ChildProcess>> = { agent: agent.child, echo: await startEcho(answer) };
  if (installed('knotd')) children.knotd = await startKnot(folder);
  else console.log('knotd is not installed: no static zone beside us');
  writeFileSync(join(folder, 'questions'), `${NAME} SRV\n`);
  const rounds: Figures['rounds'][number][] = [];
  for (let i = 0; i <= ROUNDS; i++) {
    const round: Partial<Record<Who, Turn>> = {};
    for (const [who, { pid }] of Object.entries(children) as [Who, ChildProcess][])
      round[who] = await turn(PORTS[who], pid as number, folder);
    if (i > 0) rounds.push(round as Figures['rounds'][number]); // The first round is warm-up.
  }
  for (const child of Object.values(children)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
  return {
    asker: installed('dnsperf') ? 'dnsperf' : 'a Node asker',
    bytes: answer.length,
    rounds,
    load: load(),
  };
}

async function turn(port: number, pid: number, folder: string): Promise<Turn> {
  const before = processorMillis(pid);
  const answers = installed('dnsperf') ? dnsperf(port, folder) : await nodeAsker(port);
  return { answers: answers / SECONDS, each: (1000 * (processorMillis(pid) - before)) / answers };
}

/** Number of queries that were answered. */
function dnsperf(port: number, folder: string): number {
  const words = [
    '-s',
    HOST,
    '-p',
    port,
    '-d',
    join(folder, 'questions'),
    '-l',
    SECONDS,
    '-c',
    4,
    '-q',
    IN_FLIGHT,
    '-e',
  ];
  const { stdout } = spawnSync('dnsperf', words.map(String), { encoding: 'utf8' });
  return Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1]);
}

async function nodeAsker(port: number): Promise<number> {
  const program = `const s = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    const question = Buffer.from('${question().toString('hex')}', 'hex');
    const sendQuery = () => s.send(question, ${port}, '${HOST}');
    let answers = 0;
    s.on('message', () => { answers++; sendQuery(); });
    for (let i = 0; i < ${IN_FLIGHT}; i++) sendQuery();
    setTimeout(() => { console.log(answers); process.exit(0); }, ${SECONDS * 1000});`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(text.toString());
}

async function startEcho(answer: Buffer): Promise<ChildProcess> {
  const program = `const s = require('node:dgram').createSocket('udp4');
    const answer = Buffer.from('${answer.toString('hex')}', 'hex');
    s.on('message', (question, from) => {
      const bytes = Buffer.from(answer);
      bytes[0] = question[0];
      bytes[1] = question[1];
      s.send(bytes, from.port, from.address);
    });
    s.bind(${PORTS.echo}, '${HOST}', () => console.log('ready'));`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function startKnot(folder: string): Promise<ChildProcess> {
  const hosts = [0, 1, 2].map((i) => `0a01000${i}.addr.dc1`);
  const zone = [
    '$ORIGIN consul.',
    '@ 0 SOA ns hostmaster 1 3600 600 86400 0',
    '@ 0 NS ns',
    'ns 0 A 127.0.0.1',
    ...hosts.flatMap((host, i) => [`three.service 0 SRV 1 1 8000 ${host}`, `${host} 0 A 10.1.0.${i}`]),
  ];
  const settings = `server:
    rundir: "${folder}"
    listen: ${HOST}@${PORTS.knotd}
    udp-workers: 1
database:
    storage: "${folder}"
zone:
  - domain: consul
    storage: "${folder}"
    file: zone
`;
  writeFileSync(join(folder, 'zone'), `${zone.join('\n')}\n`);
  writeFileSync(join(folder, 'knot.conf'), settings);
  const child = spawn('knotd', ['-c', join(folder, 'knot.conf')], { stdio: 'ignore' });
  await waitForRecords(PORTS.knotd);
  return child;
}

const question = (): Buffer =>
  encode({
    ...{ type: 'query', flags: 0x100, questions: [{ name: NAME, type: 'SRV', class: 'IN' }] },
    additionals: [
      {
        ...{ type: 'OPT', name: '.', udpPayloadSize: 4096, extendedRcode: 0, ednsVersion: 0 },
        ...{ flags: 0, flag_do: false, options: [] },
      },
    ],
  });

/** Waits until the server answers with records. */
async function waitForRecords(port: number): Promise<Buffer> {
  const socket = createSocket('udp4');
  const asking = setInterval(() => socket.send(question(), port, HOST), 100);
  for (;;) {
    const [answer] = (await once(socket, 'message')) as [Buffer];
    if (answer.readUInt16BE(6) === 0) continue;
    clearInterval(asking);
    socket.close();
    return answer;
  }
}

export { run };

await main(import.meta.url, { run, measure });
