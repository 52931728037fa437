/**
 * Laws of partitions, watched from outside, by the workers' own records: I42, no partition is held by two workers at once whose
 * agents can hear each other; I43, tokens rise with each holder; I44, when a worker goes or comes only its share moves.
 */
import type { Millis } from '../../base/time.ts';
import type { SimWorkers, Tenure } from '../workload/workers.ts';

/** Whether a law is to hold of two hosts: nothing has kept them apart since then. It counts that as a judgment. */
export type JudgesPair = (law: 'I42' | 'I43', a: string, b: string, since: Millis) => boolean;

export class PartitionObserver {
  readonly violations: string[] = [];
  readonly #workers: SimWorkers;
  readonly #judges: JudgesPair;
  readonly #byPartition = new Map<number, Tenure[]>();

  constructor(workers: SimWorkers, judges: JudgesPair = () => true) {
    this.#workers = workers;
    this.#judges = judges;
    workers.onBegin((begun) => this.#onBegin(begun));
  }

  #onBegin(begun: Tenure): void {
    const { host, partition, token, from } = begun;
    const earlier = this.#byPartition.get(partition) ?? [];
    for (const one of earlier) {
      if (this.#judges('I42', one.host, host, from) && this.#workers.goesOn(one))
        this.violations.push(`I42 partition ${partition} is begun by ${host} while ${one.host} holds it`);
      if (this.#judges('I43', one.host, host, one.from) && one.token >= token)
        this.violations.push(
          `I43 partition ${partition} has token ${token} at ${host} after ${one.token} at ${one.host}`,
        );
    }
    this.#byPartition.set(partition, [...earlier, begun]);
  }
}
