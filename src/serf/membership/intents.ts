/** Join and leave intents: their effect on a member, and the buffer for intents that arrive before their member. */
import type { Millis } from '../../base/time.ts';
import type { JoinIntent, LeaveIntent } from '../../wire/serf.ts';
import type { SerfMember } from '../types.ts';

export type Intent = JoinIntent | LeaveIntent;

/** Bytes of one intent message: a name, and fields of later versions. */
export const MAX_INTENT_BYTES = 1024;
/** Names of unknown members that peers can make us hold. */
const MAX_BUFFERED = 4096;

/**
 * The member after an intent, or `undefined` if the intent is stale. Every newer intent raises the status time, even if the
 * status stays the same: otherwise two agents would rebroadcast it for ever (serf#606).
 *
 * Source: serf handleNodeJoinIntent, handleNodeLeaveIntent.
 */
export function applyIntent(held: SerfMember, intent: Intent): SerfMember | undefined {
  if (intent.ltime <= held.statusLTime) return undefined;
  const statusLTime = intent.ltime;
  if (intent.kind === 'joinIntent')
    return held.status === 'leaving' ? { ...held, statusLTime, status: 'alive' } : { ...held, statusLTime };
  switch (held.status) {
    case 'alive':
      return { ...held, statusLTime, status: 'leaving' };
    case 'failed':
      return { ...held, statusLTime, status: 'left' };
    case 'leaving':
    case 'left':
      return { ...held, statusLTime };
  }
}

export interface BufferedIntent {
  readonly kind: Intent['kind'];
  readonly ltime: number;
  readonly receivedAt: Millis;
}

/** The newest intent of each unknown member, for a while. Source: serf upsertIntent, recentIntent. */
export class IntentBuffer {
  readonly #byName = new Map<string, BufferedIntent>();
  readonly #timeout: Millis;
  #isFull = false;

  constructor(timeout: Millis) {
    this.#timeout = timeout;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** `known`: one at least as new is held. `full`: too many names, so it was not added; `newlyFull` the first time. */
  add(intent: Intent, now: Millis): 'added' | 'known' | 'full' | 'newlyFull' {
    const result = this.#put(intent.node, { kind: intent.kind, ltime: intent.ltime, receivedAt: now });
    if (result !== 'full' || this.#isFull) return result;
    this.#isFull = true;
    return 'newlyFull';
  }

  /** The member was erased after an intent of this time: from now on that intent, and older ones, are stale. */
  recordErased(name: string, ltime: number, now: Millis): void {
    this.#put(name, { kind: 'joinIntent', ltime, receivedAt: now });
  }

  get(name: string, now: Millis): BufferedIntent | undefined {
    const held = this.#byName.get(name);
    return held === undefined || this.#isExpired(held, now) ? undefined : held;
  }

  /** Removes and returns the intent of a name that has just become a member. */
  dequeue(name: string, now: Millis): BufferedIntent | undefined {
    const held = this.get(name, now);
    this.#byName.delete(name);
    return held;
  }

  forgetFrom(next: number): void {
    for (const [name, { ltime }] of this.#byName) if (ltime >= next) this.#byName.delete(name);
  }

  expire(now: Millis): void {
    for (const [name, held] of this.#byName) if (this.#isExpired(held, now)) this.#byName.delete(name);
    this.#isFull = this.#byName.size >= MAX_BUFFERED;
  }

  #put(name: string, entry: BufferedIntent): 'added' | 'known' | 'full' {
    const held = this.#byName.get(name);
    if (held !== undefined && held.ltime >= entry.ltime) return 'known';
    if (held === undefined && this.#byName.size >= MAX_BUFFERED) return 'full';
    this.#byName.set(name, entry);
    return 'added';
  }

  #isExpired(held: BufferedIntent, now: Millis): boolean {
    return now - held.receivedAt > this.#timeout;
  }
}
