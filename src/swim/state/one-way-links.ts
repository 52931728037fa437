/**
 * One-way links told apart from death: members that answer others, or a stream, but not our own pings. A fact for
 * people; what is believed of the member does not change.
 */
import type { Row } from '../members.ts';
import type { SwimEffect } from '../types.ts';

/** Rounds in a row without a direct answer that make it one. */
const ROUNDS = 4;

export class Links {
  readonly #roundabout = new WeakMap<Row, number>();

  /** A round ended well, by such a way. */
  answered(row: Row, by: 'direct' | 'relay' | 'stream', out: SwimEffect[]): void {
    const before = this.#roundabout.get(row) ?? 0;
    const node = row.identity.name;
    if (by === 'direct') {
      if (before >= ROUNDS) out.push({ kind: 'fact', fact: { kind: 'linkRestored', node } });
      if (before > 0) this.#roundabout.delete(row);
      return;
    }
    const rounds = before + 1;
    this.#roundabout.set(row, rounds);
    if (rounds === ROUNDS) out.push({ kind: 'fact', fact: { kind: 'linkOneSided', node, rounds, by } });
  }

  /** Nothing is known of the way to it: it failed, or moved. */
  forget(row: Row): void {
    this.#roundabout.delete(row);
  }
}
