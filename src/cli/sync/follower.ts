/** Drives a target of `hearsay sync`: the rows of the event stream go in, and a pass follows each change. All kinds of targets share it. */
import * as v from 'valibot';
import type { SyncTarget } from '../../sync/sync-target.ts';
import type { Client } from '../api/client.ts';
import { followEvents } from '../api/events.ts';
import { parseResponse } from '../api/schemas.ts';
import { type CliContext, type CliError, EXIT, printNotice } from '../command.ts';
import { describeUnknownServices } from './unknown-services.ts';

/** Milliseconds between passes while nothing changes: how soon a target that was restarted, or changed by hand, is set again. */
const INTERVAL = 1000;

export interface FollowedTarget {
  readonly target: SyncTarget;
  /** As the user wrote them; empty: all services. */
  readonly services: readonly string[];
  /** One pass over what there is now. */
  readonly once: boolean;
  /** As in "HAProxy at SOCKET answers again", when a pass works after one that was rejected. */
  readonly recovered: string;
  /** What a rejected pass means, with the next step. */
  readonly explain: (error: Error) => CliError;
}

/** What is not named is left out: the round trip, for example, changes all the time. */
const RowSchema = v.object({
  ...{ id: v.string(), node: v.string(), address: v.string(), port: v.number() },
  weights: v.object({ passing: v.number(), warning: v.number() }),
  ...{ priority: v.optional(v.number()), weight: v.optional(v.number()) },
  ...{ status: v.string(), draining: v.boolean(), zone: v.nullable(v.string()) },
  ...{ tags: v.array(v.string()), meta: v.record(v.string(), v.string()) },
  ports: v.record(v.string(), v.number()),
});
const ServiceSchema = v.looseObject({ service: v.string(), instances: v.array(RowSchema) });

/** Resolves to the exit code when a signal ends it, or with `once` after a pass. */
export const followServices = (cli: CliContext, client: Client, options: FollowedTarget): Promise<number> =>
  new Follower(cli, client, options).run();

/** The stream feeds the passes; both end together. */
class Follower {
  readonly #cli: CliContext;
  readonly #client: Client;
  readonly #options: FollowedTarget;
  readonly #stop = new AbortController();
  /** The services that the stream has named, in lower case, and whether they have instances. */
  readonly #told = new Map<string, boolean>();
  /** During a snapshot: those that it has not named yet. */
  readonly #untold = new Set<string>();
  #exit: number = EXIT.done;
  #isSynced = false;
  #isAgentAway = false;
  #isDirty = false;
  #warned: Promise<void> = Promise.resolve();
  #wake = (): void => undefined;

  constructor(cli: CliContext, client: Client, options: FollowedTarget) {
    this.#cli = cli;
    this.#client = client;
    this.#options = options;
  }

  async run(): Promise<number> {
    const { io } = this.#cli;
    const off = [
      io.onSignal('SIGTERM', () => this.#end(EXIT.done)),
      io.onSignal('SIGINT', () => this.#end(EXIT.interrupted)),
    ];
    const names = [...new Set(this.#options.services)];
    const query = names.map((name) => `&service=${encodeURIComponent(name)}`).join('');
    const path = `/v1/hearsay/events?type=service${query}`;
    const following = followEvents(this.#client, path, this.#stop.signal, {
      onEvent: (event, data) => this.#onEvent(event, data),
      onAway: (error) => this.#onAway(error),
    });
    try {
      await Promise.all([following, this.#passes()].map((part) => part.finally(() => this.#end(this.#exit))));
    } finally {
      await this.#warned;
      for (const remove of off) remove();
    }
    return this.#exit;
  }

  #end(exit: number): void {
    this.#exit = exit;
    this.#stop.abort();
    this.#wake();
  }

  #onEvent(event: string, data: unknown): void {
    if (event === 'resync') for (const name of this.#told.keys()) this.#untold.add(name);
    else if (event === 'service') {
      const { service, instances } = parseResponse(ServiceSchema, data, this.#client);
      this.#untold.delete(service);
      this.#told.set(service, instances.length > 0);
      this.#options.target.update(service, instances);
    } else if (event === 'synced') this.#onSynced();
    if (event !== 'service' && event !== 'synced') return;
    this.#isDirty = true;
    this.#wake();
  }

  #onSynced(): void {
    // Where all services are followed, nothing is said of those that are gone.
    for (const name of this.#untold) this.#options.target.update(name, []);
    this.#untold.clear();
    if (!this.#isSynced) this.#warned = this.#warnOfUnknown();
    this.#isSynced = true;
    if (this.#isAgentAway) printNotice(this.#cli.io, `the agent at ${this.#client.address} answers again`);
    this.#isAgentAway = false;
  }

  /** A typing error looks like a service that is not there yet, so it is no error. */
  async #warnOfUnknown(): Promise<void> {
    const unknown = this.#options.services.filter((name) => this.#told.get(name.toLowerCase()) === false);
    for (const warning of await describeUnknownServices(this.#client, unknown))
      printNotice(this.#cli.io, `warning: ${warning}`);
  }

  /** An agent that was never there is an error; later the target stays as it is. */
  #onAway(error: Error): void {
    if (!this.#isSynced) throw error;
    if (!this.#isAgentAway)
      printNotice(this.#cli.io, `${error.message}; the servers stay as they are until it answers`);
    this.#isAgentAway = true;
  }

  async #passes(): Promise<void> {
    let isAway = false;
    const { once, target, recovered, explain } = this.#options;
    while (!this.#stop.signal.aborted) {
      if (!this.#isDirty) await this.#pause();
      this.#isDirty = false;
      if (this.#stop.signal.aborted || !this.#isSynced) continue;
      try {
        const isEqual = await target.apply();
        if (isAway) printNotice(this.#cli.io, recovered);
        isAway = false;
        if (once) this.#end(isEqual ? EXIT.done : EXIT.failed);
      } catch (error) {
        if (once) throw explain(error as Error);
        if (!isAway) printNotice(this.#cli.io, `hearsay: ${explain(error as Error).message}; trying again`);
        isAway = true;
        await this.#pause();
      }
    }
  }

  /** Until something changes, a second at most. */
  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, INTERVAL);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
