/**
 * Requests while everything is restarted one after another: first the instances, then the agents. The clients are the three
 * adapters of the library and, where it is installed, HAProxy; instances and agents are real processes.
 */
import { type Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { registerGrpcResolver } from '../../src/client/grpc-resolver.ts';
import { connect } from '../../src/client/index.ts';
import { type HearsayProcess, isInstalled, startHearsay, startProgram } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';
import { startRollingHaproxy } from './haproxy.ts';
import { WHO } from './method.js';

const INSTANCE = fileURLToPath(new URL('./instance.js', import.meta.url));
const WORKERS = 2;
const PATIENCE = 60_000;

export interface RollingOptions {
  /** Agents, each with an instance. */
  readonly hosts: number;
  /** The first three octets of their addresses, as `127.35.6`. */
  readonly network: string;
  /** Of each kind of client. Requests go on until there are so many, also after the last restart. */
  readonly requests: number;
  /** Of each kind, before the first restart. */
  readonly quiet: number;
  readonly log?: (line: string) => void;
}

export interface KindReport {
  readonly sent: number;
  readonly failures: readonly string[];
  /** Instances that answered. */
  readonly answered: ReadonlySet<string>;
  /** Milliseconds, from the first restart on, and before it. */
  readonly p99: number;
  readonly quietP99: number;
}

export async function runRolling(options: RollingOptions): Promise<Readonly<Record<string, KindReport>>> {
  const { hosts, network, requests, quiet, log = () => undefined } = options;
  const agents: HearsayProcess[] = [];
  const startAgent = async (i: number, join: number): Promise<HearsayProcess> =>
    startHearsay({
      ...{ name: `n${i}`, ip: `${network}.${i + 1}` },
      ...(join === i ? {} : { join: `${network}.${join + 1}` }),
    });
  for (let i = 0; i < hosts; i++) agents.push(await startAgent(i, 0));
  const startInstance = async (i: number) => {
    const started = startProgram(process.execPath, [
      ...[INSTANCE, `http://${network}.${i + 1}:8500`, `${network}.${i + 1}`, String(i)],
    ]);
    await waitUntil(`instance ${i} is registered`, PATIENCE, () => started.log().includes('ready'));
    return started.child;
  };
  const instances = [];
  for (let i = 0; i < hosts; i++) instances.push(await startInstance(i));

  const hearsay = connect({ http: agents[0]?.http ?? '' });
  const lists = [hearsay.discover('web'), hearsay.discover('rpc')];
  const haproxy = isInstalled('haproxy')
    ? await startRollingHaproxy(`${network}.80`, agents[0]?.http ?? '')
    : undefined;
  const allPass = (): Promise<true> =>
    waitUntil(
      'all instances are in the lists',
      PATIENCE,
      async () =>
        lists.every((list) => list.all().length === hosts && list.age === 0) &&
        (haproxy === undefined || (await haproxy.servers()) === hosts),
    );
  await allPass();
  registerGrpcResolver(hearsay, grpc);
  const channel = new grpc.Client('hearsay:///rpc', grpc.credentials.createInsecure());
  const dispatcher = hearsay.dispatcher();
  const agent = hearsay.agent();
  const loads = {
    'fetch with a dispatcher': new Load(async () =>
      (await fetch('http://web/', { dispatcher } as RequestInit)).text(),
    ),
    'http.Agent': new Load(() => sendByAgent(agent)),
    'grpc-js': new Load(() => callWho(channel)),
    ...(haproxy === undefined ? {} : { 'HAProxy by sync': new Load(() => haproxy.send()) }),
  };
  for (const load of Object.values(loads)) await load.until(quiet);
  for (const load of Object.values(loads)) load.endQuiet();
  for (const [i, child] of instances.entries()) {
    child.kill('SIGTERM');
    await waitUntil(`instance ${i} has ended`, PATIENCE, () => child.exitCode !== null);
    instances[i] = await startInstance(i);
    await allPass();
    log(`instance ${i} was restarted`);
  }
  for (const [i, one] of agents.entries()) {
    await one.leave();
    agents[i] = await startAgent(i, i === 0 ? 1 : 0);
    await allPass();
    log(`agent ${i} was restarted`);
  }
  for (const load of Object.values(loads)) await load.until(requests);
  const reports = Object.entries(loads).map(async ([kind, load]) => [kind, await load.stop()] as const);
  const all = Object.fromEntries(await Promise.all(reports));
  channel.close();
  await hearsay.close();
  haproxy?.close();
  for (const child of instances) child.kill('SIGKILL');
  for (const one of agents) await one.kill();
  return all;
}

/** Workers that send one request after another. */
class Load {
  readonly #workers: Promise<void>[];
  readonly #failures: string[] = [];
  readonly #answered = new Set<string>();
  readonly #durations: number[] = [];
  #quiet = 0;
  #stopped = false;

  constructor(send: () => Promise<string>) {
    this.#workers = Array.from({ length: WORKERS }, async () => {
      while (!this.#stopped) {
        const begin = performance.now();
        await send().then(
          (text) => this.#answered.add(text),
          (error: Error) => this.#failures.push(`${error.message} ${String(error.cause ?? '')}`.trim()),
        );
        this.#durations.push(performance.now() - begin);
      }
    });
  }

  async until(count: number): Promise<void> {
    while (this.#durations.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** What was sent until now is quiet. */
  endQuiet(): void {
    this.#quiet = this.#durations.length;
  }

  async stop(): Promise<KindReport> {
    this.#stopped = true;
    await Promise.all(this.#workers);
    const sent = this.#durations.length;
    const [quietP99, p99] = [this.#durations.slice(0, this.#quiet), this.#durations.slice(this.#quiet)].map(
      p99Of,
    );
    return {
      ...{ sent, failures: this.#failures, answered: this.#answered },
      ...{ p99: p99 ?? 0, quietP99: quietP99 ?? 0 },
    };
  }
}

const p99Of = (durations: readonly number[]): number =>
  [...durations].sort((a, b) => a - b)[Math.floor(0.99 * durations.length)] ?? 0;

const sendByAgent = (agent: Agent): Promise<string> =>
  new Promise((resolve, reject) => {
    request('http://web/', { agent }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk) => {
        text += chunk;
      });
      incoming.on('end', () => resolve(text));
      incoming.on('error', reject);
    })
      .on('error', reject)
      .end();
  });

const callWho = (channel: grpc.Client): Promise<string> =>
  new Promise((resolve, reject) =>
    channel.makeUnaryRequest(
      ...([WHO.path, WHO.requestSerialize, WHO.responseDeserialize] as const),
      'who?',
      (error, text) => (error === null ? resolve(text ?? '') : reject(error)),
    ),
  );
