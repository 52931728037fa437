/** What is waited for after an event of a container: the reason of a kill, a second look, and the time to forget one that ended. */
import { type Millis, NEVER } from '../../base/time.ts';
import { type End, isOrderly } from './state.ts';

/** How long an ended container is shown as critical, so that people see why; one that ended in order is soon forgotten. */
export const ENDED_GRACE: Millis = 60_000;
export const ENDED_ORDERLY_GRACE: Millis = 10_000;
/** A kill has a reason that only an inspection tells. The end is told without it if the inspection takes longer. */
export const KILL_REASON_WAIT: Millis = 200;
/** An engine may tell of a change a moment before its inspection shows it: it is asked again. */
export const RECHECK_FOR: Millis = 1000;
const RECHECK_INTERVAL: Millis = 300;
const MAX_INSPECTIONS_AGAIN = 20_000;

/** What is due for a container. */
export type EndStep =
  | { readonly kind: 'end'; readonly key: string; readonly end: End }
  | { readonly kind: 'inspect'; readonly id: string }
  | { readonly kind: 'forget'; readonly key: string };

export class EndTimers {
  readonly #dying = new Map<string, { readonly at: Millis; readonly end: End }>();
  /** By ID. */
  readonly #inspectAt = new Map<string, Millis>();
  readonly #forgetAt = new Map<string, Millis>();

  /** It was killed, and an inspection may tell why. */
  waitForReason(key: string, end: End, now: Millis): void {
    this.#dying.set(key, { at: now + KILL_REASON_WAIT, end });
  }

  inspectAgain(id: string, now: Millis): void {
    if (this.#inspectAt.size < MAX_INSPECTIONS_AGAIN) this.#inspectAt.set(id, now + RECHECK_INTERVAL);
  }

  forgetEnded(key: string, end: End | undefined, endedAt: Millis): void {
    this.#dying.delete(key);
    this.#forgetAt.set(key, endedAt + (isOrderly(end) ? ENDED_ORDERLY_GRACE : ENDED_GRACE));
  }

  clear(key: string): void {
    this.#dying.delete(key);
    this.#forgetAt.delete(key);
  }

  /** Each step once, but for `forget`, which is due until it is cleared. */
  takeDue(now: Millis): readonly EndStep[] {
    const ends = [...this.#dying].filter(([, { at }]) => now >= at);
    for (const [key] of ends) this.#dying.delete(key);
    const inspections = [...this.#inspectAt].filter(([, at]) => now >= at);
    for (const [id] of inspections) this.#inspectAt.delete(id);
    return [
      ...ends.map(([key, { end }]): EndStep => ({ kind: 'end', key, end })),
      ...inspections.map(([id]): EndStep => ({ kind: 'inspect', id })),
      ...[...this.#forgetAt].filter(([, at]) => now >= at).map(([key]): EndStep => ({ kind: 'forget', key })),
    ];
  }

  get deadline(): Millis {
    let next = NEVER;
    for (const { at } of this.#dying.values()) next = Math.min(next, at);
    for (const at of this.#inspectAt.values()) next = Math.min(next, at);
    for (const at of this.#forgetAt.values()) next = Math.min(next, at);
    return next;
  }
}
