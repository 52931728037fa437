/** The jobs that are registered with this agent, the orders that were given here, and the commands of its configuration. */
import type { JobDefinition } from '../model/job.ts';
import type { EntryWrite } from '../model/service.ts';
import { encodeDefinition, encodeOrders, jobKey } from './entries.ts';
import type { JobOrders, JobsSnapshot } from './types.ts';

export class OwnJobs {
  readonly #definitions = new Map<string, JobDefinition>();
  readonly #orders = new Map<string, JobOrders>();
  readonly #commands = new Map<string, readonly string[]>();
  #writes: EntryWrite[] = [];
  #revision = 0;

  /** Rises with every change that a restart must not lose. */
  get revision(): number {
    return this.#revision;
  }

  get hasWrites(): boolean {
    return this.#writes.length > 0;
  }

  /** `argv`: the command, of a job that has one. */
  register(definition: JobDefinition, argv: readonly string[] | undefined): void {
    const { name } = definition;
    if (argv === undefined) this.#commands.delete(name);
    else this.#commands.set(name, argv);
    this.#definitions.set(name, definition);
    this.#write({ put: encodeDefinition(definition) });
  }

  /** False: it is not registered here. */
  deregister(name: string): boolean {
    if (!this.#definitions.delete(name)) return false;
    this.#commands.delete(name);
    this.#orders.delete(name);
    this.#write({ remove: jobKey('definition', name) }, { remove: jobKey('orders', name) });
    return true;
  }

  definition(name: string): JobDefinition | undefined {
    return this.#definitions.get(name);
  }

  orders(name: string): JobOrders | undefined {
    return this.#orders.get(name);
  }

  command(name: string): readonly string[] | undefined {
    return this.#commands.get(name);
  }

  setOrders(name: string, orders: JobOrders): void {
    this.#orders.set(name, orders);
    this.#write({ put: encodeOrders(name, orders) });
  }

  consumeWrites(): EntryWrite[] {
    const writes = this.#writes;
    this.#writes = [];
    return writes;
  }

  /** Jobs with a command are not saved: the configuration has them. */
  snapshot(): Pick<JobsSnapshot, 'definitions' | 'orders'> {
    return {
      definitions: [...this.#definitions.values()].filter(({ name }) => !this.#commands.has(name)),
      orders: [...this.#orders],
    };
  }

  #write(...writes: EntryWrite[]): void {
    this.#writes.push(...writes);
    this.#revision += 1;
  }
}
