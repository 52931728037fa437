/** Notices that this process was not served in time: suspended, or on a machine that is busy. */
import type { Millis } from '../../base/time.ts';

export class StallDetector {
  /** When the last stall was reported: all deadlines until then were missed by it. */
  #lastAt: Millis = -1;

  /**
   * By how much a deadline was missed, if that is a stall. It is told once, before any input that waited meanwhile: the peers
   * that then seem late are not to blame. A stall may miss several deadlines, each of which is the earliest in turn.
   */
  detect(due: Millis, now: Millis, threshold: Millis): Millis | undefined {
    const lateness = now - due;
    if (due <= this.#lastAt || lateness < threshold) return undefined;
    this.#lastAt = now;
    return lateness;
  }
}
