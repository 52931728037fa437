/** Two builds that took turns: how their figures compare, and whether one has lost. */
import { fixed, median, table } from './figures.ts';

/** Every figure is a cost: less is better. */
export interface Pair {
  readonly before: number;
  readonly after: number;
}

/** `unclear`: the median is worse, and too many pairs say otherwise. */
export type Verdict = 'better' | 'same' | 'unclear' | 'worse';

export interface Comparison {
  readonly name: string;
  readonly pairs: number;
  /** Medians. */
  readonly before: number;
  readonly after: number;
  /** The median of the ratios of the pairs: 1.1 is a tenth worse. */
  readonly ratio: number;
  readonly verdict: Verdict;
}

/** A loss of a tenth counts. */
const LOSS = 1.1;
/** Share of the pairs that must agree with the median: on a busy machine single pairs mean nothing. */
const AGREEMENT = 0.75;

export function compare(name: string, pairs: readonly Pair[]): Comparison {
  if (pairs.length === 0) throw new Error(`${name}: nothing was measured`);
  const ratios = pairs.map(ratioOf);
  const ratio = median(ratios);
  const agree = (holds: (one: number) => boolean): boolean =>
    ratios.filter(holds).length >= AGREEMENT * ratios.length;
  return {
    name,
    pairs: pairs.length,
    before: median(pairs.map((pair) => pair.before)),
    after: median(pairs.map((pair) => pair.after)),
    ratio,
    verdict:
      ratio >= LOSS
        ? agree((one) => one > 1)
          ? 'worse'
          : 'unclear'
        : ratio <= 1 / LOSS && agree((one) => one < 1)
          ? 'better'
          : 'same',
  };
}

/** Something that cost nothing and costs something now has lost without end. */
function ratioOf({ before, after }: Pair): number {
  if (!(before >= 0 && after >= 0)) throw new Error(`no figures: ${before} and ${after}`);
  return before === after ? 1 : after / before;
}

export const lossesOf = (comparisons: readonly Comparison[]): readonly Comparison[] =>
  comparisons.filter(({ verdict }) => verdict === 'worse' || verdict === 'unclear');

export function ratioTable(comparisons: readonly Comparison[], older: string): string {
  const rows = comparisons.map(({ name, pairs, before, after, ratio, verdict }) => [
    name,
    String(pairs),
    fixed(before, digitsFor(before)),
    fixed(after, digitsFor(before)),
    fixed(ratio, 3),
    verdict === 'same' ? '' : verdict.toUpperCase(),
  ]);
  return table([['less is better', 'pairs', older, 'this', 'ratio', ''], ...rows]);
}

const digitsFor = (value: number): number => (value < 10 ? 2 : value < 100 ? 1 : 0);
