/**
 * Counts what all maps and sets hold that code under test creates, by the file that created them: a leak of one entry shows
 * as a count that grows from one rest to the next. Nothing of the code under test needs to be visible for it.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { onTestFinished } from 'vitest';

type Collection = { readonly size: number };

export interface TrackedMaps {
  /** Entries by the file below `src/` that created their maps and sets, of those that are still reachable. */
  entries(): Promise<ReadonlyMap<string, number>>;
}

/** From now on until the test ends, new maps and sets are tracked. */
export function trackMaps(): TrackedMaps {
  const { Map: RealMap, Set: RealSet } = globalThis;
  const created: { readonly file: string; readonly collection: WeakRef<Collection> }[] = [];
  const track = (collection: Collection): void => {
    const file = creatorOf(shortStack());
    if (file !== undefined) created.push({ file, collection: new WeakRef(collection) });
  };
  class TrackedMap<K, V> extends RealMap<K, V> {
    /** Maps from before are maps as well. */
    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof RealMap;
    }

    constructor(entries?: Iterable<readonly [K, V]> | null) {
      super(entries);
      track(this);
    }
  }
  class TrackedSet<T> extends RealSet<T> {
    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof RealSet;
    }

    constructor(values?: Iterable<T> | null) {
      super(values);
      track(this);
    }
  }
  globalThis.Map = TrackedMap as unknown as MapConstructor;
  globalThis.Set = TrackedSet as unknown as SetConstructor;
  onTestFinished(() => {
    globalThis.Map = RealMap;
    globalThis.Set = RealSet;
  });
  return {
    entries: async () => {
      await collectGarbage();
      const counts = new RealMap<string, number>();
      for (const { file, collection } of created) {
        const size = collection.deref()?.size ?? 0;
        if (size > 0) counts.set(file, (counts.get(file) ?? 0) + size);
      }
      return counts;
    },
  };
}

/** A weak reference keeps its target until the turn of the event loop ends. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}

/** The frames of `track`, of the constructor, and of its caller; more are not looked at, and each costs a look into a source map. */
function shortStack(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 5;
  const stack = new Error().stack ?? '';
  Error.stackTraceLimit = stackTraceLimit;
  return stack;
}

/** The file of the frame that called `new`; `undefined` outside of `src/`. */
function creatorOf(stack: string): string | undefined {
  const frame = stack.split('\n').find((line) => !line.includes('tracked-maps') && line.includes('    at '));
  return /\/src\/([\w/.-]+\.ts)/.exec(frame ?? '')?.[1];
}

/** Files whose collections hold more than before, as `file: before, then now`. */
export const grown = (before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] =>
  [...now].flatMap(([file, size]) =>
    size > (before.get(file) ?? 0) ? [`${file}: ${before.get(file) ?? 0}, then ${size}`] : [],
  );
