/**
 * How far this agent follows what others say of its incarnation: as far as they can have led its peers (precedence.ts),
 * which it must outbid, and no faster. Every raise is paid for, so a walk to the highest incarnation takes years.
 */
import type { Millis } from '../../base/time.ts';
import { LEAD, LEAD_INTERVAL, MAX_LEAD } from '../precedence.ts';

export class IncarnationBudget {
  /** Peers may have been led as far before a restart. */
  #tokens = MAX_LEAD + LEAD;
  #at: Millis;

  constructor(now: Millis) {
    this.#at = now;
  }

  /** Pays for a raise by `count`. False: not yet. */
  tryRaise(count: number, now: Millis): boolean {
    this.#tokens = Math.min(MAX_LEAD + LEAD, this.#tokens + (now - this.#at) / LEAD_INTERVAL);
    this.#at = now;
    if (count > this.#tokens) return false;
    this.#tokens -= count;
    return true;
  }
}
