/**
 * Latency of DNS answers of one agent without peers, over loopback: 2,000 instances, 2,000 queries a second (goal G12:
 * p99 at most 2 ms). dns-rate.ts measures the rate. `npx tsx test/bench/dns.ts [--short]`. The client is a Node process
 * too, and its own delays are in all figures.
 */
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { encode } from 'dns-packet';
import { httpRequest } from '../support/http.ts';
import { sleep } from '../support/wait.ts';
import { launch } from './kit/agents.ts';
import { fixed, heading, load, percentile, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { SHORT } from './kit/options.ts';

const INSTANCES = 2000;
const QUESTIONS_PER_SECOND = 2000;
const SECONDS = SHORT ? 5 : 30;
const GOAL_MS = 2;
const HOST = '127.0.1.1';
const ECHO_PORT = 8700;

interface Job {
  /** Instances of each service. */
  readonly each: number;
}

interface Latency {
  readonly what: string;
  readonly bytes: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly lost: number;
}

interface Figures {
  readonly each: number;
  readonly latencies: readonly Latency[];
  readonly load: string;
}

async function run(): Promise<void> {
  for (const each of [10, INSTANCES]) {
    const figures = await isolated<Job, Figures>(import.meta.url, { each });
    heading(`DNS: ${INSTANCES / each} services of ${each} instances, zero peers`);
    const head = [
      `ms at ${QUESTIONS_PER_SECOND} q/s, ${SECONDS} s`,
      'answer bytes',
      'p50',
      'p99',
      'max',
      'lost',
    ];
    console.log(table([head, ...figures.latencies.map(row)]));
    console.log(`\n${figures.load} at the end`);
  }
}

const row = ({ what, bytes, p50, p99, max, lost }: Latency): string[] => [
  what,
  fixed(bytes),
  fixed(p50, 2),
  `${fixed(p99, 2)}${p99 > GOAL_MS ? ' (!)' : ''}`,
  fixed(max, 2),
  fixed(lost),
];

async function measure({ each }: Job): Promise<Figures> {
  const agent = launch('hearsay', 'm00', HOST);
  await agent.greet();
  await register(each);
  const services = INSTANCES / each;
  const name = (i: number): string => `svc-${i % services}.service.consul`;
  const kinds: readonly (readonly [string, (i: number) => Buffer])[] = [
    ['A, no EDNS', (i) => question(name(i), 'A')],
    ['SRV, EDNS 1232', (i) => question(name(i), 'SRV', 1232)],
    ['SRV, EDNS 8192', (i) => question(name(i), 'SRV', 8192)],
    ['NXDOMAIN', (i) => question(`no-${i}.service.consul`, 'A', 1232)],
  ];
  const socket = await asker();
  const echo = await startEcho();
  const latencies: Latency[] = [];
  for (const [what, make] of kinds) {
    await paced(socket, 8600, make, 2); // Warm-up of the compiler.
    latencies.push({ what, ...(await paced(socket, 8600, make, SECONDS)) });
  }
  const any = (): Buffer => question(name(0), 'SRV', 1232);
  latencies.push({ what: 'bare echo of the question', ...(await paced(socket, ECHO_PORT, any, SECONDS)) });
  socket.close();
  echo.kill('SIGKILL');
  agent.kill();
  return { each, latencies, load: load() };
}

/** Each instance has an address of its own, so that no records are merged. */
async function register(each: number): Promise<void> {
  const put = async (id: string, name: string, i: number): Promise<void> => {
    const service = { ID: id, Name: name, Address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, Port: 8000 };
    const url = `http://${HOST}:8500/v1/agent/service/register`;
    const { status, body } = await httpRequest('PUT', url, { body: JSON.stringify(service) });
    if (status !== 200) throw new Error(`${id}: ${status} ${body}`);
  };
  for (let i = 0; i < INSTANCES; i++) await put(`i-${i}`, `svc-${i % (INSTANCES / each)}`, i);
}

const question = (name: string, type: 'A' | 'SRV', edns?: number): Buffer =>
  encode({
    type: 'query',
    flags: 0x100,
    questions: [{ name, type, class: 'IN' }],
    additionals:
      edns === undefined
        ? []
        : [
            {
              ...{ type: 'OPT', name: '.', udpPayloadSize: edns, extendedRcode: 0, ednsVersion: 0 },
              ...{ flags: 0, flag_do: false, options: [] },
            },
          ],
  });

async function asker(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.bind(0, HOST);
  await once(socket, 'listening');
  return socket;
}

/** A process of its own, as the agent is. */
async function startEcho(): Promise<ReturnType<typeof spawn>> {
  const program = `const s = require('node:dgram').createSocket('udp4');
    s.on('message', (bytes, from) => s.send(bytes, from.port, from.address));
    s.bind(${ECHO_PORT}, '${HOST}', () => console.log('ready'));`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

/** Sends queries at an even pace, whether answers come or not; each has an id of its own. */
async function paced(
  socket: Socket,
  port: number,
  make: (i: number) => Buffer,
  seconds: number,
): Promise<Omit<Latency, 'what'>> {
  const all = seconds * QUESTIONS_PER_SECOND;
  const questions = Array.from({ length: 4096 }, (_, i) => make(i));
  const sentAt = new Float64Array(0x1_0000);
  const took: number[] = [];
  let bytes = 0;
  const hear = (answer: Buffer): void => {
    const id = answer.readUInt16BE(0);
    if (sentAt[id] === 0) return;
    took.push(performance.now() - (sentAt[id] as number));
    sentAt[id] = 0;
    bytes += answer.length;
  };
  socket.on('message', hear);
  const startedAt = performance.now();
  let sent = 0;
  while (sent < all) {
    const due = Math.min(all, Math.floor(((performance.now() - startedAt) / 1000) * QUESTIONS_PER_SECOND));
    for (; sent < due; sent++) {
      const query = Buffer.from(questions[sent % questions.length] as Buffer);
      query.writeUInt16BE(sent & 0xffff, 0);
      sentAt[sent & 0xffff] = performance.now();
      socket.send(query, port, HOST);
    }
    await sleep(1);
  }
  await sleep(500);
  socket.off('message', hear);
  return {
    bytes: bytes / took.length,
    p50: percentile(took, 0.5),
    p99: percentile(took, 0.99),
    max: percentile(took, 1),
    lost: all - took.length,
  };
}

export { run };

await main(import.meta.url, { run, measure });
