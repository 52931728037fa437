/** Waiting for conditions: the only way in which tests on real sockets let time pass. */

/** Polls until `probe` returns a value that is not `undefined` or `false`; fails with `what` after `limitMs`. */
export async function waitUntil<T>(
  what: string,
  limitMs: number,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const endAt = performance.now() + limitMs;
  let last = '';
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > endAt)
      throw new Error(`not within ${limitMs} ms: ${what}${last === '' ? '' : ` (${last})`}`);
    await sleep(50);
  }
}

/** For observing a span on purpose ("nothing happens for 60 s"), never for waiting until something is done. */
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
