/**
 * Join and leave intents: what one does to a member, and the buffer for those that outrun their member. Who
 * passes an intent on, and who refutes it, is serf.ts.
 */
import type { Millis } from '../../base/time.ts';
import type { JoinIntent, LeaveIntent } from '../../wire/serf.ts';
import type { SerfMember } from '../types.ts';

export type Intent = JoinIntent | LeaveIntent;

/** Bytes of one intent message: a name, and room for fields of later versions. */
export const MAX_INTENT_BYTES = 1024;
/** Names a stranger can make us remember. */
const MAX_BUFFERED = 4096;

/**
 * The member after an intent, or `undefined` if that is not news. The status time moves with every newer intent,
 * also where the status stays: else two agents would tell each other of it for ever (serf#606).
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
  /** When it came. */
  readonly at: Millis;
}

/** The newest intent of each name we do not know, for a while. Source: serf upsertIntent, recentIntent. */
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

  /** `known`: we have one as new. `full`: too many names, it is not kept; `newlyFull` for the first of these. */
  add(intent: Intent, now: Millis): 'added' | 'known' | 'full' | 'newlyFull' {
    const kept = this.#put(intent.node, { kind: intent.kind, ltime: intent.ltime, at: now });
    if (kept !== 'full' || this.#isFull) return kept;
    this.#isFull = true;
    return 'newlyFull';
  }

  /** The name was erased after an intent of this time: neither it nor an older one is news again. */
  recordErased(name: string, ltime: number, now: Millis): void {
    this.#put(name, { kind: 'joinIntent', ltime, at: now });
  }

  /** Takes what is known of a name that has just become a member. */
  dequeue(name: string, now: Millis): BufferedIntent | undefined {
    const held = this.#byName.get(name);
    this.#byName.delete(name);
    return held === undefined || this.#isOver(held, now) ? undefined : held;
  }

  expire(now: Millis): void {
    for (const [name, held] of this.#byName) if (this.#isOver(held, now)) this.#byName.delete(name);
    this.#isFull = this.#byName.size >= MAX_BUFFERED;
  }

  #put(name: string, entry: BufferedIntent): 'added' | 'known' | 'full' {
    const held = this.#byName.get(name);
    if (held !== undefined && held.ltime >= entry.ltime) return 'known';
    if (held === undefined && this.#byName.size >= MAX_BUFFERED) return 'full';
    this.#byName.set(name, entry);
    return 'added';
  }

  #isOver(held: BufferedIntent, now: Millis): boolean {
    return now - held.at > this.#timeout;
  }
}
