/** The jobs that are registered with this agent, the orders that were given here, and the commands of its configuration. */
import type { JobDefinition, WallMillis } from '../model/job.ts';
import { isSameJob } from '../model/job-limits.ts';
import type { EntryWrite } from '../model/service.ts';
import { encodeDefinition, encodeOrders, jobKey } from './entries.ts';
import type { ConfiguredJob, ConfiguredJobChange, JobOrders, JobsSnapshot } from './types.ts';

export class OwnJobs {
  readonly #definitions = new Map<string, JobDefinition>();
  readonly #orders = new Map<string, JobOrders>();
  readonly #configured = new Set<string>();
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

  /** A job of the configuration. `argv`: the command, of a job that has one. */
  configure(definition: JobDefinition, argv: readonly string[] | undefined): void {
    this.#configured.add(definition.name);
    this.register(definition, argv);
  }

  /**
   * The configuration was read again. `registeredAt` gives the time of registration of a job that is new, or another one
   * than before.
   */
  replaceConfigured(
    jobs: readonly ConfiguredJob[],
    registeredAt: (name: string) => WallMillis,
  ): readonly ConfiguredJobChange[] {
    const changes: ConfiguredJobChange[] = [];
    for (const name of [...this.#configured]) {
      if (jobs.some(({ definition }) => definition.name === name)) continue;
      this.deregister(name);
      changes.push({ name, change: 'removed' });
    }
    for (const { definition, run } of jobs) {
      const { name } = definition;
      const known = this.#definitions.get(name);
      const isConfigured = this.#configured.has(name);
      const isSame =
        known !== undefined && isSameJob(known, definition) && isSameCommand(this.#commands.get(name), run);
      if (isSame && isConfigured) continue;
      this.configure({ ...definition, registeredAt: registeredAt(name) }, run);
      changes.push({ name, change: isConfigured ? 'changed' : known === undefined ? 'added' : 'replaced' });
    }
    return changes;
  }

  isConfigured(name: string): boolean {
    return this.#configured.has(name);
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
    this.#configured.delete(name);
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

  /** Jobs of the configuration are not saved: it may not have them any more at the next start. */
  snapshot(): Pick<JobsSnapshot, 'definitions' | 'orders'> {
    return {
      definitions: [...this.#definitions.values()].filter(({ name }) => !this.#configured.has(name)),
      orders: [...this.#orders],
    };
  }

  #write(...writes: EntryWrite[]): void {
    this.#writes.push(...writes);
    this.#revision += 1;
  }
}

const isSameCommand = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  a?.length === b?.length && (a ?? []).every((word, i) => word === b?.[i]);
