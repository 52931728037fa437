/**
 * Detects one-way links: a member answers other members or a stream, but not our direct pings. This is reported as a fact
 * for operators; what is believed of the member does not change.
 */
import type { MutableMember } from '../members.ts';
import type { SwimEffect } from '../types.ts';

/** Rounds in a row without a direct ack. */
const ONE_WAY_ROUNDS = 4;

export class OneWayLinks {
  readonly #indirectRounds = new WeakMap<MutableMember, number>();

  /** A probe round succeeded by a direct ack, a relayed one, or a stream. */
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

  /** The member died or moved, so nothing is known of the link to it. */
  delete(row: MutableMember): void {
    this.#indirectRounds.delete(row);
  }
}
