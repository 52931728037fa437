/**
 * Laws of partitions, watched from outside, by the workers' own records: I42, no partition is held by two workers at once whose
 * agents can hear each other; I43, tokens rise with each holder; I44, when a worker goes or comes only its share moves.
 */
import type { Millis } from '../../base/time.ts';
import type { SimHost } from '../world/host.ts';
import type { World } from '../world/world.ts';

/** The time of one worker with one partition. */
export interface Tenure {
  readonly host: string;
  readonly boot: number;
  readonly partition: number;
  readonly token: number;
  readonly from: Millis;
  /** `undefined`: it goes on, or its process ended first. */
  to: Millis | undefined;
}

/** Workers, one at each host: they do at once what their agents tell them, and write down what they hold. */
export class WorkerObserver {
  readonly tenures: Tenure[] = [];
  readonly violations: string[] = [];
  readonly #world: World;
  readonly #sessions = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
    world.subscribe({ onEffects: (host) => this.#follow(host) });
  }

  /** The worker of this host takes part, in place of that of an earlier process. */
  attach(label: string, pool: { readonly service: string; readonly count: number }, worker: string): void {
    const session = `${label}-${this.#world.now}`;
    this.#sessions.set(label, session);
    this.#world.command(label, { kind: 'attachWorker', pool, worker, session });
  }

  /** The host that holds each partition now. */
  holders(count: number): readonly (string | undefined)[] {
    return Array.from(
      { length: count },
      (_, partition) => this.tenures.find((one) => one.partition === partition && this.#goesOn(one))?.host,
    );
  }

  #follow(host: SimHost): void {
    const session = this.#sessions.get(host.label);
    if (session === undefined || !host.running) return;
    for (const { partition, token, releasing } of host.runningAgent.view.partitions.worker(session) ?? []) {
      const own = this.tenures.find(
        (one) => one.host === host.label && one.partition === partition && one.token === token,
      );
      if (own === undefined && !releasing) this.#begin(host, partition, token);
      if (!releasing) continue;
      if (own !== undefined) own.to ??= this.#world.now;
      this.#world.schedule(this.#world.now + 1, () => {
        if (host.running)
          this.#world.command(host.label, { kind: 'releasePartition', session, partition, token });
      });
    }
  }

  #begin(host: SimHost, partition: number, token: number): void {
    for (const one of this.tenures) {
      if (one.partition !== partition) continue;
      if (this.#goesOn(one))
        this.violations.push(
          `I42 partition ${partition} is begun by ${host.label} while ${one.host} holds it`,
        );
      if (one.token >= token)
        this.violations.push(`I43 partition ${partition} has token ${token} after ${one.token}`);
    }
    const { now: from } = this.#world;
    this.tenures.push({ host: host.label, boot: host.bootCount, partition, token, from, to: undefined });
  }

  #goesOn({ host: label, boot, to }: Tenure): boolean {
    const host = this.#world.host(label);
    return to === undefined && host.running && host.bootCount === boot;
  }
}
