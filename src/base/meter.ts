/**
 * Figures about ourselves: counters that only rise, gauges that are read when somebody asks, spans of time in buckets.
 * Names as Prometheus wants them: base units, `_total` behind counters. How they are written is the readers' business.
 */

/** In the order in which the figure declared its label names. */
export type Labels = readonly string[];

/** One figure with all its label values at one moment. */
export type MetricFamily = Readonly<
  {
    /** `hearsay_packets_sent_total`. */
    name: string;
    /** One sentence without a line break. */
    help: string;
    /** Label names. */
    labels: Labels;
  } & (
    | { type: 'counter' | 'gauge'; samples: readonly MetricSample[] }
    | { type: 'histogram'; samples: readonly HistogramSample[] }
  )
>;

export interface MetricSample {
  readonly labels: Labels;
  readonly value: number;
}

/** How values of one kind are distributed. */
export interface HistogramSample {
  readonly labels: Labels;
  readonly count: number;
  readonly sum: number;
  /** Of the squares. */
  readonly squares: number;
  readonly min: number;
  readonly max: number;
  /** How many were at most `upTo`, for each bound in rising order; all of them are in `count`. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
}

/** Label values come from tables of ours; should one ever come from strangers, they cannot fill the memory. */
const MAX_SERIES = 1000;

/** A counter by label values. */
export class Counter {
  readonly #values = new Map<string, { labels: Labels; value: number }>();

  /** `labels` must be as many as were declared. */
  add(labels: Labels = [], by = 1): void {
    const held = getOrCreateSeries(this.#values, labels, () => ({ labels, value: 0 }));
    if (held !== undefined) held.value += by;
  }

  get samples(): readonly MetricSample[] {
    return [...this.#values.values()];
  }
}

/** Distributions by label values. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #values = new Map<string, HistogramSeries>();

  /** `bounds` in rising order. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const held = getOrCreateSeries(
      this.#values,
      labels,
      () => new HistogramSeries(labels, this.#bounds.length),
    );
    if (held === undefined) return;
    held.count += 1;
    held.sum += value;
    held.squares += value * value;
    held.min = Math.min(held.min, value);
    held.max = Math.max(held.max, value);
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) held.within[at] = (held.within[at] as number) + 1;
  }

  get samples(): readonly HistogramSample[] {
    return [...this.#values.values()].map(({ within, ...spread }) => {
      let so = 0;
      const buckets = this.#bounds.map((upTo, i) => {
        so += within[i] as number;
        return { upTo, count: so };
      });
      return { ...spread, buckets };
    });
  }
}

class HistogramSeries {
  readonly labels: Labels;
  /** How many fell between each bound and the one before it. */
  readonly within: number[];
  count = 0;
  sum = 0;
  squares = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  constructor(labels: Labels, bounds: number) {
    this.labels = labels;
    this.within = new Array<number>(bounds).fill(0);
  }
}

/** All figures of one process. */
export class Meter {
  readonly #collectors: (() => MetricFamily)[] = [];

  counter(name: string, help: string, ...labels: string[]): Counter {
    const tally = new Counter();
    if (labels.length === 0) tally.add([], 0); // there from the beginning, so that a rate can be told
    this.#collectors.push(() => ({ name, help, labels, type: 'counter', samples: tally.samples }));
    return tally;
  }

  histogram(name: string, help: string, bounds: readonly number[], ...labels: string[]): Histogram {
    const timings = new Histogram(bounds);
    this.#collectors.push(() => ({ name, help, labels, type: 'histogram', samples: timings.samples }));
    return timings;
  }

  /** `read` gives the value of now, or one for each value of `label`. */
  gauge(name: string, help: string, read: () => number): void;
  gauge(name: string, help: string, read: () => Iterable<readonly [string, number]>, label: string): void;
  gauge(
    name: string,
    help: string,
    read: () => number | Iterable<readonly [string, number]>,
    label?: string,
  ): void {
    this.#addObservable('gauge', name, help, read, label);
  }

  /** As `gauge`, for what somebody else counts. */
  observableCounter(name: string, help: string, read: () => number): void {
    this.#addObservable('counter', name, help, read, undefined);
  }

  families(): readonly MetricFamily[] {
    return this.#collectors.map((read) => read());
  }

  #addObservable(
    type: 'counter' | 'gauge',
    name: string,
    help: string,
    read: () => number | Iterable<readonly [string, number]>,
    label: string | undefined,
  ): void {
    this.#collectors.push(() => {
      const now = read();
      const samples =
        typeof now === 'number'
          ? [{ labels: [], value: now }]
          : [...now].map(([of, value]) => ({ labels: [of], value }));
      return { name, help, type, labels: label === undefined ? [] : [label], samples };
    });
  }
}

function getOrCreateSeries<T>(values: Map<string, T>, labels: Labels, blank: () => T): T | undefined {
  const key = labels.join('\0');
  const held = values.get(key);
  if (held !== undefined || values.size >= MAX_SERIES) return held;
  const fresh = blank();
  values.set(key, fresh);
  return fresh;
}
