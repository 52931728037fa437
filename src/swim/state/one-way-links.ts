/**
 * One-way links told apart from death: members that answer others, or a stream, but not our own pings. A fact for
 * people; what is believed of the member does not change.
 */
import type { MutableMember } from '../members.ts';
import type { SwimEffect } from '../types.ts';

/** Rounds in a row without a direct answer that make it one. */
const ONE_WAY_ROUNDS = 4;

export class OneWayLinks {
  readonly #indirectRounds = new WeakMap<MutableMember, number>();

  /** A round ended well, by such a way. */
  onRoundSuccess(row: MutableMember, by: 'direct' | 'relay' | 'stream', out: SwimEffect[]): void {
    const before = this.#indirectRounds.get(row) ?? 0;
    const node = row.identity.name;
    if (by === 'direct') {
      if (before >= ONE_WAY_ROUNDS) out.push({ kind: 'fact', fact: { kind: 'linkRestored', node } });
      if (before > 0) this.#indirectRounds.delete(row);
      return;
    }
    const rounds = before + 1;
    this.#indirectRounds.set(row, rounds);
    if (rounds === ONE_WAY_ROUNDS) out.push({ kind: 'fact', fact: { kind: 'linkOneWay', node, rounds, by } });
  }

  /** Nothing is known of the way to it: it failed, or moved. */
  delete(row: MutableMember): void {
    this.#indirectRounds.delete(row);
  }
}
