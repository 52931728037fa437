/** Keys of `hearsay demo`: each breaks or heals one node, and says what it did and what to look at. */
import { printNotice } from '../command.ts';
import type { Io } from '../io.ts';
import { toHttpUrl } from './agent.ts';
import type { DemoCluster, DemoNode } from './demo-cluster.ts';
import type { Cut } from './demo-links.ts';

export interface DemoKeys {
  /** Reads no more keys. Resolves when what the last ones asked for is done. */
  close(): Promise<void>;
}

/** `undefined`: nobody sits at a terminal. */
export function readDemoKeys(io: Io, cluster: DemoCluster): DemoKeys | undefined {
  const handler = new KeyHandler(io, cluster);
  const stopReading = io.readKeys((key) => handler.press(key));
  if (stopReading === undefined) return undefined;
  io.out.write(`${handler.help()}\n`);
  return {
    close: () => {
      stopReading();
      return handler.close();
    },
  };
}

const CUTS: Readonly<Record<string, Cut>> = { c: 'both', i: 'inbound', o: 'outbound' };

/** The sequences of the arrow keys, in both modes of a terminal. */
const STEPS: ReadonlyMap<string, number> = new Map(
  ['\u001b[', '\u001bO'].flatMap((start) => [
    [`${start}A`, -1],
    [`${start}D`, -1],
    [`${start}B`, 1],
    [`${start}C`, 1],
  ]),
);

class KeyHandler {
  readonly #io: Io;
  readonly #cluster: DemoCluster;
  /** The last node at first: commands find the first one without --http-addr. */
  #chosen: number;
  /** One key is done after the other. */
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(io: Io, cluster: DemoCluster) {
    this.#io = io;
    this.#cluster = cluster;
    this.#chosen = cluster.nodes.length - 1;
  }

  help(): string {
    const digits = Math.min(this.#cluster.nodes.length, 9);
    const range = digits === 1 ? '1' : `1-${digits}`;
    const { started } = this.#node();
    return [
      `${started.node}: k kill, c cut off, i cut what comes in, o cut what goes out,`,
      `  s stop service, d drain, h heal; w kill worker; arrows or ${range} choose a node`,
    ].join('\n');
  }

  press(key: string): void {
    this.#work = this.#work.then(async () => {
      if (this.#isClosed) return;
      try {
        await this.#handle(key);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        printNotice(this.#io, `${this.#node().started.node}: ${message}; press h to try to heal it`);
      }
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#work;
  }

  async #handle(key: string): Promise<void> {
    const node = this.#node();
    if (key === 'k') await this.#kill(node);
    else if (key === 's') this.#stopService(node);
    else if (key === 'd') await this.#drain(node);
    else if (key === 'w') this.#killWorker();
    else if (CUTS[key] !== undefined) this.#cut(node, CUTS[key]);
    else if (key === 'h') await this.#heal(node);
    else this.#choose(key);
  }

  /** Any other key shows the help. */
  #choose(key: string): void {
    const count = this.#cluster.nodes.length;
    const step = STEPS.get(key);
    if (step !== undefined) this.#chosen = (this.#chosen + step + count) % count;
    else if (/^[1-9]$/.test(key) && Number(key) <= count) this.#chosen = Number(key) - 1;
    this.#say(this.help());
  }

  async #kill(node: DemoNode): Promise<void> {
    const { started, service } = node;
    if (!node.isRunning) return this.#sayDown(node);
    if (this.#cluster.nodes.filter(({ isRunning }) => isRunning).length === 1)
      return this.#say(`${started.node} is the only agent that runs: heal another one first`);
    await this.#cluster.kill(node);
    this.#say(
      `${started.node} and ${service.registration.ID} are killed without a farewell: the others have to notice`,
      ...[`why ${started.node}`, `resolve ${service.registration.Name}`],
    );
  }

  #stopService({ service, started }: DemoNode): void {
    const { ID: id, Name: name } = service.registration;
    if (!service.isOpen) return this.#say(`${id} is stopped already: press h to heal it`);
    service.close();
    this.#say(
      `${id} is stopped, ${started.node} is not: its check fails within a second`,
      ...[`why ${name}`, `resolve ${name}`],
    );
  }

  async #drain(node: DemoNode): Promise<void> {
    if (!node.isRunning) return this.#sayDown(node);
    const { ID: id, Name: name } = node.service.registration;
    await this.#cluster.drain(node, true);
    this.#say(`${id} is draining: it answers, and gets no new clients`, `why ${name}`, `resolve ${name}`);
  }

  #cut(node: DemoNode, what: Cut): void {
    if (!node.isRunning) return this.#sayDown(node);
    const { node: name } = node.started;
    this.#cluster.cut(node, what);
    const said = {
      both: `${name} is cut off, and runs on: each side takes the other for failed`,
      inbound: `${name} hears nobody, and is heard: packets pass one way only`,
      outbound: `${name} hears the others, and is not heard: packets pass one way only`,
    }[what];
    this.#say(said, `why ${name}`, 'doctor');
  }

  /** Its agent says at once that it is gone: the kernel has closed the connection of its lease. */
  #killWorker(): void {
    const { worker } = this.#cluster;
    if (worker?.isRunning !== true) return this.#say('the worker does not run: press h to start it again');
    worker.kill();
    this.#say(
      `${worker.id} is killed, and its lease with it: out of results at once`,
      ...['why worker', 'resolve worker'],
    );
  }

  async #heal(node: DemoNode): Promise<void> {
    const { ID: id, Name: name } = node.service.registration;
    const wasRunning = node.isRunning;
    await this.#cluster.heal(node);
    this.#say(
      `${node.started.node} ${wasRunning ? 'runs' : 'is started again'}; ${id} is back in results once its check passes`,
      ...[`why ${node.started.node}`, `resolve ${name}`],
    );
  }

  #sayDown({ started }: DemoNode): void {
    this.#say(`${started.node} does not run: press h to start it again`);
  }

  /** One line, and the commands that show it, asked of an agent that runs. */
  #say(line: string, ...commands: readonly string[]): void {
    const asked = this.#cluster.nodes.find(({ isRunning }) => isRunning)?.started.http;
    const url = asked === undefined ? '' : toHttpUrl(asked);
    const at = url === '' || url.endsWith(':8500') ? '' : ` --http-addr ${url}`;
    this.#io.out.write(`${[line, ...commands.map((one) => `  hearsay ${one}${at}`)].join('\n')}\n`);
  }

  #node(): DemoNode {
    const node = this.#cluster.nodes[this.#chosen];
    if (node === undefined) throw new Error('a demo has one node at least');
    return node;
  }
}
