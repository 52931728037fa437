/**
 * G20: lateness of the protocol's ticks under HTTP load: 200 blocking queries, a change four times a second, and 2,000
 * requests a second over 16 connections. An idle agent runs beside it, since a busy machine makes both late. `npx tsx
 * test/bench/loop.ts [--short]`, after `npm run build`.
 */
import { Agent as Keeper, request } from 'node:http';
import { httpRequest } from '../support/http.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { launch } from './kit/agents.ts';
import { fixed, heading, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { SHORT } from './kit/options.ts';

const WATCHES = 200;
const SECONDS = SHORT ? 20 : 90;
const CONNECTIONS = 16;
const PER_SECOND = 2000;
const STEP_MS = 10;
const BUSY = '127.0.0.1';
const IDLE = '127.0.0.2';
const INSTANCES = 50;
const SERVICE = '/v1/health/service/web?passing';
const keeper = new Keeper({ keepAlive: true, maxSockets: CONNECTIONS });

/** Milliseconds since the start. */
interface Late {
  readonly p999: number;
  readonly max: number;
}

interface Figures {
  readonly asked: number;
  readonly answered: number;
  readonly woken: number;
  readonly seconds: number;
  readonly busy: Late;
  readonly idle: Late;
}

async function run(): Promise<void> {
  const { asked, answered, woken, seconds, busy, idle } = await isolated<null, Figures>(
    import.meta.url,
    null,
  );
  const rate = (count: number): string => fixed(count / seconds, 0);
  heading(
    `${WATCHES} watches, ${rate(asked)} queries asked and ${rate(answered)} answered a second, ${rate(woken)} watches woken a second, ${fixed(seconds, 0)} s`,
  );
  const row = (name: string, { p999, max }: Late): string[] => [name, fixed(p999, 1), fixed(max, 1)];
  console.log(table([['ticks late by', '99.9 % ms', 'max ms'], row('busy', busy), row('idle', idle)]));
}

async function measure(): Promise<Figures> {
  const agents = [launch('hearsay', 'busy', BUSY), launch('hearsay', 'idle', IDLE)];
  for (const agent of agents)
    await waitUntil('the agent answers', 20_000, async () => (await agent.countAlive()) === 1);
  await httpRequest('PUT', `http://${IDLE}:8500/v1/agent/join/${BUSY}`);
  for (let i = 0; i < INSTANCES; i++) await register(i, 'first');
  let woken = 0;
  const end = performance.now() + SECONDS * 1000;
  const over = (): boolean => performance.now() >= end;
  for (let i = 0; i < WATCHES; i++)
    void watch(over, () => {
      woken += 1;
    });

  let asked = 0;
  let answered = 0;
  let round = 0;
  const began = performance.now();
  while (!over()) {
    const due = Math.floor(((performance.now() - began) / 1000) * PER_SECOND);
    for (; asked < due; asked++)
      void ask(SERVICE, keeper).then(() => {
        answered += 1;
      });
    if ((performance.now() - began) / 250 > round) void register(0, `round ${round++}`);
    await sleep(STEP_MS);
  }
  const seconds = (performance.now() - began) / 1000;
  const figures = { asked, answered, woken, seconds, busy: await lateness(BUSY), idle: await lateness(IDLE) };
  for (const agent of agents) agent.kill();
  return figures;
}

async function watch(over: () => boolean, woke: () => void): Promise<void> {
  const own = new Keeper({ keepAlive: true, maxSockets: 1 });
  let index = await ask(SERVICE, own);
  while (!over()) {
    index = await ask(`${SERVICE}&wait=1m&index=${index}`, own);
    woke();
  }
}

/** The index of the answer. */
function ask(path: string, agent: Keeper): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(`http://${BUSY}:8500${path}`, { agent }, (answer) =>
      answer.resume().on('end', () => resolve(String(answer.headers['x-consul-index']))),
    );
    call.on('error', reject);
    call.end();
  });
}

async function register(i: number, version: string): Promise<void> {
  const body = JSON.stringify({ ID: `web-${i}`, Name: 'web', Port: 80 + i, Meta: { version } });
  const headers = { 'content-type': 'application/json' };
  await httpRequest('PUT', `http://${BUSY}:8500/v1/agent/service/register`, { headers, body });
}

async function lateness(ip: string): Promise<Late> {
  const { body } = await httpRequest('GET', `http://${ip}:8500/v1/agent/metrics?format=prometheus`);
  const value = (name: string): number =>
    Number(
      body
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length),
    );
  const late = 'hearsay_tick_lateness_seconds';
  return {
    p999: 1000 * value(`${late}{quantile="0.999"}`),
    max: 1000 * value(`${late}{quantile="1"}`),
  };
}

export { run };

await main(import.meta.url, { run, measure });
