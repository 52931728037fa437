/**
 * HTTP answers per second: `/v1/health/service/web` with 50 instances, beside a bare `node:http` server that sends the
 * same bytes. Both take turns, so that other load on the machine affects both. Needs `wrk`. `npx tsx
 * test/bench/http.ts`, after `npm run build`.
 */
import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { httpRequest } from '../support/http.ts';
import { waitUntil } from '../support/wait.ts';
import { launch, processorMillis } from './kit/agents.ts';
import { fixed, heading, median, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { installed, SHORT } from './kit/options.ts';

const ROUNDS = SHORT ? 3 : 7;
const SECONDS = SHORT ? 2 : 5;
const INSTANCES = 50;
const IP = '127.0.0.1';
const BARE_PORT = 8501;
const PATH = '/v1/health/service/web?passing';
const exec = promisify(execFile);

/** Sends the bytes of a file with the headers of one of our answers. */
const BARE = `
const body = require('node:fs').readFileSync(process.argv[2]);
require('node:http').createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'X-Consul-Index': '7', 'X-Consul-Knownleader': 'true',
    'X-Consul-Lastcontact': '0', 'X-Content-Type-Options': 'nosniff', Vary: 'Accept-Encoding', 'Content-Length': body.length });
  response.end(body);
}).listen(${BARE_PORT}, '${IP}');`;

/** One round. */
interface Pace {
  readonly perSecond: number;
  /** Processor time of the server per answer. */
  readonly micros: number;
}

async function pace(port: number, pid: number): Promise<Pace> {
  const url = `http://${IP}:${port}${PATH}`;
  const before = processorMillis(pid);
  const { stdout } = await exec('wrk', ['-t1', '-c16', `-d${SECONDS}s`, url]);
  const spent = processorMillis(pid) - before;
  if (/Non-2xx/.test(stdout)) throw new Error(stdout);
  const figure = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  const answers = figure(/(\d+) requests in/);
  return { perSecond: figure(/Requests\/sec:\s+([\d.]+)/), micros: (1000 * spent) / answers };
}

interface Figures {
  readonly bytes: number;
  readonly ours: readonly Pace[];
  readonly theirs: readonly Pace[];
}

async function run(): Promise<void> {
  if (!installed('wrk')) return console.log('wrk is not installed: nothing to measure HTTP with');
  const { bytes, ours, theirs } = await isolated<null, Figures>(import.meta.url, null);
  const shares = ours.map(({ perSecond }, i) => perSecond / (theirs[i]?.perSecond ?? Number.NaN));
  heading(
    `${PATH}, ${INSTANCES} instances, ${bytes} bytes, 16 connections, ${ROUNDS} rounds of ${SECONDS} s each`,
  );
  const row = (name: string, paces: readonly Pace[]): string[] => {
    const rates = paces.map(({ perSecond }) => perSecond);
    const micros = paces.map((one) => one.micros);
    return [
      name,
      fixed(median(rates)),
      fixed(Math.max(...rates)),
      fixed(median(micros), 1),
      fixed(Math.min(...micros), 1),
    ];
  };
  console.log(
    table([
      ['answers a second', 'median', 'best', 'processor µs each', 'best'],
      row('hearsay', ours),
      row('bare node:http', theirs),
      ['share', fixed(median(shares), 2), fixed(Math.max(...shares), 2)],
    ]),
  );
}

async function measure(): Promise<Figures> {
  const agent = launch('hearsay', 'a', IP);
  await waitUntil('the agent answers', 20_000, async () => (await agent.countAlive()) === 1);
  for (let i = 0; i < INSTANCES; i++)
    await httpRequest('PUT', `http://${IP}:8500/v1/agent/service/register`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ID: `web-${i}`,
        Name: 'web',
        Port: 8000 + i,
        Tags: ['http', `v${i % 3}`],
        Meta: { version: `1.${i}` },
        Check: { TTL: '1h', Status: 'passing' },
      }),
    });
  const { body } = await httpRequest('GET', `http://${IP}:8500${PATH}`);
  const file = join(tmpdir(), `hearsay-bench-${process.pid}.json`);
  writeFileSync(file, body);
  const bare = spawn(process.execPath, ['-e', BARE, '', file], { stdio: 'inherit' });
  await waitUntil(
    'the bare server answers',
    10_000,
    async () => (await httpRequest('GET', `http://${IP}:${BARE_PORT}/`)).status === 200,
  );

  const ours: Pace[] = [];
  const theirs: Pace[] = [];
  const pid = agent.child.pid as number;
  const barePid = bare.pid as number;
  await pace(8500, pid);
  await pace(BARE_PORT, barePid);
  for (let i = 0; i < ROUNDS; i++) {
    ours.push(await pace(8500, pid));
    theirs.push(await pace(BARE_PORT, barePid));
  }
  bare.kill('SIGKILL');
  agent.kill();
  return { bytes: body.length, ours, theirs };
}

export { run };

await main(import.meta.url, { run, measure });
