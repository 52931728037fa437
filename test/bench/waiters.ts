/**
 * Cost of many waiters: 2,000 parked blocking queries and 200 event streams on one agent. Memory of each, time from a
 * change to the last answer, and lateness of the protocol's ticks meanwhile (G20). `npx tsx test/bench/waiters.ts
 * [--short]`, after `npm run build`.
 */
import { Agent as Keeper, request } from 'node:http';
import { httpRequest } from '../support/http.ts';
import { sleep, waitUntil } from '../support/wait.ts';
import { launch, memoryOf } from './kit/agents.ts';
import { fixed, heading, median, table } from './kit/figures.ts';
import { isolated, main } from './kit/namespace.ts';
import { SHORT } from './kit/options.ts';

const PARKED = 2000;
const STREAMS = 200;
const ROUNDS = SHORT ? 3 : 10;
const IP = '127.0.0.1';
const URL = `http://${IP}:8500`;
const SERVICE = '/v1/health/service/web?passing';

interface Figures {
  readonly parkedBytes: number;
  readonly streamBytes: number;
  /** For each change: milliseconds until the last parked query was answered, and until the last stream had it. */
  readonly answered: readonly number[];
  readonly streamed: readonly number[];
  readonly lateness: { readonly p999: number; readonly max: number };
}

async function run(): Promise<void> {
  const { parkedBytes, streamBytes, answered, streamed, lateness } = await isolated<null, Figures>(
    import.meta.url,
    null,
  );
  heading(`${PARKED} parked queries and ${STREAMS} streams, ${ROUNDS} changes`);
  console.log(
    table([
      ['', 'median', 'worst'],
      ['memory of a parked query, kB', fixed(parkedBytes / 1024, 1), ''],
      ['memory of a stream, kB', fixed(streamBytes / 1024, 1), ''],
      ['change to last answer, ms', fixed(median(answered)), fixed(Math.max(...answered))],
      ['change to last stream, ms', fixed(median(streamed)), fixed(Math.max(...streamed))],
      ['ticks late by, ms (99.9 %, max)', fixed(lateness.p999, 1), fixed(lateness.max, 1)],
    ]),
  );
}

async function measure(): Promise<Figures> {
  const agent = launch('hearsay', 'a', IP);
  await waitUntil('the agent answers', 20_000, async () => (await agent.countAlive()) === 1);
  const rss = (): number => memoryOf(agent.child.pid as number).rss * 2 ** 20;
  await register('first');
  const start = await settled(rss);

  const parked = Array.from({ length: PARKED }, () => new Parked());
  await Promise.all(parked.map((one) => one.first()));
  for (const one of parked) one.park();
  await waitUntil(
    'all are parked',
    60_000,
    async () => (await figure('hearsay_http_blocking_queries')) >= PARKED,
  );
  const withParked = await settled(rss);

  const streams = Array.from({ length: STREAMS }, () => new Stream());
  await waitUntil('all streams have begun', 60_000, () => streams.every((one) => one.lastEventAt > 0));
  const withStreams = await settled(rss);

  const answered: number[] = [];
  const streamed: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of streams) one.lastEventAt = 0;
    const began = performance.now();
    await register(`round ${round}`);
    await Promise.all([
      Promise.all(parked.map((one) => one.woken)).then(() => answered.push(performance.now() - began)),
      waitUntil('all streams have it', 60_000, () => streams.every((one) => one.lastEventAt > 0)).then(() =>
        streamed.push(Math.max(...streams.map((one) => one.lastEventAt)) - began),
      ),
    ]);
    for (const one of parked) one.park();
    await waitUntil(
      'all are parked',
      60_000,
      async () => (await figure('hearsay_http_blocking_queries')) >= PARKED,
    );
    await sleep(500);
  }
  const late = async (quantile: string): Promise<number> =>
    1000 * (await figure(`hearsay_tick_lateness_seconds{quantile="${quantile}"}`));
  const lateness = { p999: await late('0.999'), max: await late('1') };
  agent.kill();
  return {
    parkedBytes: (withParked - start) / PARKED,
    streamBytes: (withStreams - withParked) / STREAMS,
    answered,
    streamed,
    lateness,
  };
}

/** A client with one connection that sends one blocking query after the other. */
class Parked {
  woken: Promise<void> = Promise.resolve();
  readonly #keeper = new Keeper({ keepAlive: true, maxSockets: 1 });
  #index = '';

  first(): Promise<void> {
    return this.#request(SERVICE);
  }

  park(): void {
    this.woken = this.#request(`${SERVICE}&wait=5m&index=${this.#index}`);
  }

  #request(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const call = request(`${URL}${path}`, { agent: this.#keeper }, (answer) => {
        this.#index = String(answer.headers['x-consul-index']);
        answer.resume().on('end', () => resolve());
      });
      call.on('error', reject);
      call.end();
    });
  }
}

/** One event stream; `lastEventAt` is when its last event came. */
class Stream {
  lastEventAt = 0;

  constructor() {
    const call = request(`${URL}/v1/hearsay/events?type=service`, { agent: false }, (answer) =>
      answer.on('data', () => {
        this.lastEventAt = performance.now();
      }),
    );
    call.end();
  }
}

async function register(version: string): Promise<void> {
  const body = JSON.stringify({ ID: 'web-1', Name: 'web', Port: 80, Meta: { version } });
  const headers = { 'content-type': 'application/json' };
  await httpRequest('PUT', `${URL}/v1/agent/service/register`, { headers, body });
}

async function figure(name: string): Promise<number> {
  const { body } = await httpRequest('GET', `${URL}/v1/agent/metrics?format=prometheus`);
  const line = body.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

/** The lowest of several readings, since garbage does not count. */
async function settled(rss: () => number): Promise<number> {
  const readings: number[] = [];
  for (let i = 0; i < 10; i++) {
    await sleep(300);
    readings.push(rss());
  }
  return Math.min(...readings);
}

export { run };

await main(import.meta.url, { run, measure });
