/** The agents and services of a demo, each of which can be broken and healed. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { resolveConfig } from '../../config/resolve.ts';
import { createClient } from '../api/client.ts';
import type { CliContext } from '../command.ts';
import type { StartedAgent } from '../io.ts';
import { toHttpUrl } from './agent.ts';
import type { BusyNode } from './demo-busy.ts';
import { type Cut, DemoLinks } from './demo-links.ts';
import { type DemoService, demoServiceName, startDemoServer, startDemoService } from './demo-service.ts';
import { DemoWorker } from './demo-worker.ts';

export const HOST = '127.0.0.1';

/** One agent with its service, as on one host. */
export interface DemoNode {
  readonly number: number;
  /** As it was started last; what it listened on stays its own. */
  readonly started: StartedAgent;
  readonly service: DemoService;
  readonly isRunning: boolean;
}

interface MutableNode extends DemoNode {
  started: StartedAgent;
  isRunning: boolean;
}

export class DemoCluster {
  readonly #cli: CliContext;
  readonly #nodes: MutableNode[] = [];
  readonly #stopping: AbortSignal;
  readonly #links = new DemoLinks();
  #worker: DemoWorker | undefined;
  #isHealing = false;
  #markStopped: () => void = () => {};
  /** Settles when no agent runs any more, for any reason. */
  readonly stopped: Promise<void>;

  /** When `stopping` aborts, no agent waits for its seed, and no more are started. */
  constructor(cli: CliContext, stopping: AbortSignal) {
    this.#cli = cli;
    this.#stopping = stopping;
    this.stopped = new Promise((resolve) => {
      this.#markStopped = resolve;
    });
  }

  /** The program that holds a lease at the last node. */
  get worker(): DemoWorker | undefined {
    return this.#worker;
  }

  get nodes(): readonly DemoNode[] {
    return this.#nodes;
  }

  /** Starts agents that join the first, then registers the service of each. Rejects with nothing left running. */
  async start(nodes: number, onStart: (number: number) => void): Promise<void> {
    try {
      for (let number = 1; number <= nodes && !this.#stopping.aborted; number++) {
        onStart(number);
        const started = await this.#startFirst(number);
        const service = await startDemoService(number, HOST);
        const node = { ...{ number, started, service }, isRunning: true };
        this.#nodes.push(node);
        this.#follow(node);
      }
      for (const node of this.#nodes) if (!this.#stopping.aborted) await this.#register(node);
      if (!this.#stopping.aborted) {
        this.#worker = new DemoWorker(await startDemoServer('worker-1 of the demo\n', HOST, 'worker-1'));
        await this.#startWorker();
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#worker?.kill();
    await Promise.all(this.#nodes.map(({ started }) => started.stop()));
    for (const { service } of this.#nodes) service.close();
  }

  /** Agent and service are gone without a farewell, as after a crash. */
  async kill(node: DemoNode): Promise<void> {
    node.service.close();
    await node.started.stop();
    await node.started.stopped;
  }

  /** The agent and its service run on; gossip to it, of it, or both, is lost. */
  cut({ started }: DemoNode, what: Cut): void {
    this.#links.cut(started.address, what);
  }

  async runningClients(): Promise<readonly BusyNode[]> {
    const running = this.#nodes.filter(({ isRunning }) => isRunning);
    const clients = running.map(async ({ number, started }) => {
      const client = await this.#clientOf(started);
      return client === undefined ? [] : [{ number, client }];
    });
    return (await Promise.all(clients)).flat();
  }

  /** Its instance is in results, or no longer. */
  async drain(node: DemoNode, on: boolean): Promise<void> {
    const id = encodeURIComponent(node.service.registration.ID);
    await (await this.#clientOf(node.started))?.put(`/v1/hearsay/drain/${id}?enable=${on}`);
  }

  /** Connects it again, starts again what does not run, where it was, and returns the instance to results. */
  async heal({ number }: DemoNode): Promise<void> {
    const node = this.#nodes[number - 1];
    if (node === undefined) return;
    this.#links.heal(node.started.address);
    await node.service.open();
    if (node.isRunning) {
      await this.drain(node, false);
      return this.#startWorker();
    }
    this.#isHealing = true;
    try {
      const { address, http, dns } = node.started;
      const at = { bind: address, http: http ?? 'off', dns: dns ?? 'off' };
      node.started = await this.#startAgent(
        number,
        at,
        this.#nodes.find(({ isRunning }) => isRunning)?.started,
      );
      node.isRunning = true;
      this.#follow(node);
      await this.#register(node);
      await this.#startWorker();
    } finally {
      this.#isHealing = false;
      this.#settle();
    }
  }

  /** If its agent runs. */
  async #startWorker(): Promise<void> {
    const node = this.#nodes.at(-1);
    const client = node?.isRunning === true ? await this.#clientOf(node.started) : undefined;
    if (client !== undefined) await this.#worker?.start(client);
  }

  /** An agent may also end because somebody told it to leave. */
  #follow(node: MutableNode): void {
    const { started } = node;
    const onStopped = (): void => {
      if (node.started !== started) return;
      node.isRunning = false;
      this.#settle();
    };
    started.stopped.then(onStopped, onStopped);
  }

  #settle(): void {
    if (!this.#isHealing && this.#nodes.every(({ isRunning }) => !isRunning)) this.#markStopped();
  }

  /** The first agent takes the default ports if they are free, so that commands find it without --http-addr. */
  async #startFirst(number: number): Promise<StartedAgent> {
    const listenOn = async (port: number): Promise<string> =>
      `${HOST}:${number === 1 && (await isPortFree(port)) ? port : 0}`;
    const at = { bind: `${HOST}:0`, http: await listenOn(8500), dns: await listenOn(8600) };
    return this.#startAgent(number, at, this.#nodes[0]?.started);
  }

  #startAgent(
    number: number,
    at: { readonly bind: string; readonly http: string; readonly dns: string },
    seed: StartedAgent | undefined,
  ): Promise<StartedAgent> {
    const { io } = this.#cli;
    const { config } = resolveConfig({
      flags: {
        ...{ node: `demo-${number}`, ...at },
        preset: 'local',
        tag: [`role=${demoServiceName(number)}`],
        logLevel: 'warn',
        ...(seed === undefined ? {} : { join: [seed.address] }),
      },
      env: {},
      files: [],
      hostname: io.hostname,
      terminal: io.err.isTerminal,
    });
    return io.startAgent(config, undefined, this.#stopping, this.#links);
  }

  /** Registers over the HTTP API of the agent, as any program would. */
  async #register({ started, service }: DemoNode): Promise<void> {
    await (await this.#clientOf(started))?.put('/v1/agent/service/register', service.registration);
  }

  async #clientOf({ http }: StartedAgent) {
    return http === undefined ? undefined : createClient(this.#cli, { httpAddr: toHttpUrl(http) });
  }
}

/** Whether the port is free on loopback for both UDP and TCP. */
export async function isPortFree(port: number): Promise<boolean> {
  const tcp = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
  if (!tcp) return false;
  return new Promise<boolean>((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind(port, HOST, () => socket.close(() => resolve(true)));
  });
}
