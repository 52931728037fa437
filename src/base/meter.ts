/**
 * Metrics of this process: counters, gauges that are read on demand, and histograms. Names follow Prometheus: base units,
 * and `_total` at the end of counters. The HTTP layer formats them.
 */
import { assert } from './assert.ts';

/** Label values, in the order in which the metric declared its label names. */
export type Labels = readonly string[];

/** All series of one metric at one moment. */
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

/** The distribution of the observed values. */
export interface HistogramSample {
  readonly labels: Labels;
  readonly count: number;
  readonly sum: number;
  /** Sum of the squares. */
  readonly squares: number;
  readonly min: number;
  readonly max: number;
  /** Cumulative: how many values were at most `upTo`, for each bound in rising order. */
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
}

/** Most series of one metric: label values from an untrusted source could not exhaust the memory. */
const MAX_SERIES = 1000;

/** A counter, with one series for each combination of label values. Invariant: a counter never falls. */
export class Counter {
  readonly #values = new Map<string, { labels: Labels; value: number }>();

  /** Adds `by`, which is not negative. There must be as many `labels` as were declared. */
  add(labels: Labels = [], by = 1): void {
    assert(by >= 0, 'a counter that falls');
    const series = getOrCreateSeries(this.#values, labels, () => ({ labels, value: 0 }));
    if (series !== undefined) series.value += by;
  }

  get samples(): readonly MetricSample[] {
    return [...this.#values.values()];
  }
}

/** A histogram, with one series for each combination of label values. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #values = new Map<string, HistogramSeries>();

  /** `bounds` are the upper limits of the buckets, in rising order. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const series = getOrCreateSeries(
      this.#values,
      labels,
      () => new HistogramSeries(labels, this.#bounds.length),
    );
    if (series === undefined) return;
    series.count += 1;
    series.sum += value;
    series.squares += value * value;
    series.min = Math.min(series.min, value);
    series.max = Math.max(series.max, value);
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) series.within[bucket] = (series.within[bucket] as number) + 1;
  }

  get samples(): readonly HistogramSample[] {
    return [...this.#values.values()].map(({ within, ...totals }) => {
      let cumulative = 0;
      const buckets = this.#bounds.map((upTo, i) => {
        cumulative += within[i] as number;
        return { upTo, count: cumulative };
      });
      return { ...totals, buckets };
    });
  }
}

class HistogramSeries {
  readonly labels: Labels;
  /** How many values fell between each bound and the one before it. */
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

/** All metrics of one process. */
export class Meter {
  readonly #collectors: (() => MetricFamily)[] = [];

  counter(name: string, help: string, ...labels: string[]): Counter {
    const counter = new Counter();
    if (labels.length === 0) counter.add([], 0); // a series that exists from the start gives a rate for its first increase
    this.#collectors.push(() => ({ name, help, labels, type: 'counter', samples: counter.samples }));
    return counter;
  }

  histogram(name: string, help: string, bounds: readonly number[], ...labels: string[]): Histogram {
    const histogram = new Histogram(bounds);
    this.#collectors.push(() => ({ name, help, labels, type: 'histogram', samples: histogram.samples }));
    return histogram;
  }

  /** `read` returns the current value, or one for each value of `label`. */
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

  /** A counter whose value is read on demand, as a gauge is. */
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
      const current = read();
      const samples =
        typeof current === 'number'
          ? [{ labels: [], value: current }]
          : [...current].map(([labelValue, value]) => ({ labels: [labelValue], value }));
      return { name, help, type, labels: label === undefined ? [] : [label], samples };
    });
  }
}

function getOrCreateSeries<T>(values: Map<string, T>, labels: Labels, create: () => T): T | undefined {
  const key = labels.join('\0');
  const existing = values.get(key);
  if (existing !== undefined || values.size >= MAX_SERIES) return existing;
  const created = create();
  values.set(key, created);
  return created;
}
