/** What agents serve of each other's ledgers: this one's answers to the others, and its own questions. */
import type { Millis } from '../../base/time.ts';
import type { InternalQueryHandler } from '../../serf/queries/internal.ts';
import type { SerfEffect } from '../../serf/types.ts';
import type { Effect, Input } from '../contract/machine.ts';
import { ServedResponder } from './responder.ts';
import { type SyncSources, SyncStatuses } from './sync-statuses.ts';

export class ServedLedgers {
  readonly statuses: SyncStatuses;
  readonly #responder: ServedResponder;
  readonly #serfOut: SerfEffect[];

  constructor(sources: SyncSources, serfOut: SerfEffect[]) {
    this.statuses = new SyncStatuses(sources);
    this.#responder = new ServedResponder(sources.ledgers);
    this.#serfOut = serfOut;
  }

  get deadline(): Millis {
    return Math.min(this.statuses.deadline, this.#responder.deadline);
  }

  readonly handleQuery: InternalQueryHandler = (query, now) => this.#responder.handleQuery(query, now);

  onReadersCounted(
    { ticket, index, waiting }: Extract<Input, { kind: 'readersCounted' }>,
    now: Millis,
  ): void {
    this.#responder.onReadersCounted(ticket, index, waiting, now, this.#serfOut);
  }

  /** To be called after each input. True: there are new effects of Serf. */
  advance(now: Millis, out: Effect[]): boolean {
    this.statuses.advance(now, this.#serfOut);
    this.#responder.advance(now, this.#serfOut, out);
    return this.#serfOut.length > 0;
  }
}
