/** `hearsay demo --busy`: services come, change their tags and go, at a steady pace, as in a cluster that is deployed to. */
import type { Client } from '../api/client.ts';

/** Milliseconds between two changes. */
const PACE = 500;
/** Services that are there at once, after the first seconds. */
const CROWD = 6;

/** Where changes can be made. */
export interface BusyNode {
  readonly number: number;
  readonly client: Client;
}

interface Batch {
  readonly node: number;
  readonly id: string;
}

export class DemoTraffic {
  readonly #running: () => Promise<readonly BusyNode[]>;
  readonly #batches: Batch[] = [];
  #steps = 0;
  #came = 0;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();

  /** `running` are the nodes that run at the moment. */
  constructor(running: () => Promise<readonly BusyNode[]>) {
    this.#running = running;
  }

  start(): void {
    this.#timer = setInterval(() => {
      // A node that was killed meanwhile refuses it: the next change is for another one.
      this.#work = this.#work.then(() => this.step()).catch(() => undefined);
    }, PACE);
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    return this.#work;
  }

  /** One change: a service comes, the newest changes its tags, or, once there is a crowd, the oldest goes. */
  async step(): Promise<void> {
    const nodes = await this.#running();
    const step = this.#steps++;
    const newest = this.#batches.at(-1);
    if (step % 3 === 1 && newest !== undefined) return this.#register(nodes, newest, `v${step}`);
    if (step % 3 === 2 && this.#batches.length > CROWD) return this.#deregister(nodes);
    const node = nodes[this.#came % Math.max(1, nodes.length)];
    if (node === undefined) return;
    this.#came += 1;
    const batch = { node: node.number, id: `batch-${this.#came}` };
    this.#batches.push(batch);
    await this.#register(nodes, batch, `v${step}`);
  }

  async #register(nodes: readonly BusyNode[], { node, id }: Batch, version: string): Promise<void> {
    const body = { Name: 'batch', ID: id, Port: 9000, Tags: ['demo', version] };
    await nodes.find(({ number }) => number === node)?.client.put('/v1/agent/service/register', body);
  }

  /** With a node that does not run its services are gone already. */
  async #deregister(nodes: readonly BusyNode[]): Promise<void> {
    const oldest = this.#batches.shift();
    const node = nodes.find(({ number }) => number === oldest?.node);
    if (oldest !== undefined) await node?.client.put(`/v1/agent/service/deregister/${oldest.id}`);
  }
}
