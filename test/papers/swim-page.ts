/** The part of the page on SWIM: first detection, infection, load, loss. */
import { formatBar, formatCount, formatPercent, markdownTable, mean, percentiles, sumBy } from './figures.ts';
import type { PaperRun } from './plan.ts';
import { LOSS_RATES, SIZES } from './plan.ts';
import {
  type DetectionTimes,
  type DisseminationTimes,
  failureChance,
  type LossResult,
  type MessageLoad,
} from './swim.ts';

/** Indirect probes of each failed probe: `swim.indirectChecks`. */
const HELPERS = 3;

const resultsOfPart = <T>(done: readonly PaperRun[], part: string, cell: number): T[] =>
  done
    .filter(({ job }) => job.part === part && job.cell[0] === cell)
    .map(({ result }) => result as unknown as T);

const periods = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(2));

/** Source: SWIM §3.1, expected time to first detection. */
export function firstDetectionTable(done: readonly PaperRun[]): string {
  return markdownTable(
    [
      'Members',
      'Crashes',
      'Mean until probed',
      'Expected',
      'Mean until suspected',
      '99 %',
      'Bound 2N-1',
      'Worst',
    ],
    SIZES.map((size) => {
      const all = resultsOfPart<DetectionTimes>(done, 'notices', size);
      const probed = all.flatMap((one) => one.probed);
      const suspected = all.flatMap((one) => one.suspected);
      return [
        String(size),
        formatCount(probed.length),
        periods(mean(probed)),
        '1.00',
        periods(mean(suspected)),
        periods(percentiles(suspected)[1]),
        String(2 * size - 1),
        periods(Math.max(...suspected)),
      ];
    }),
  );
}

/** Share of crashes that were probed after so many periods, over all sizes, beside 1 - e^-k. */
export function detectionCurve(done: readonly PaperRun[]): string {
  const probed = SIZES.flatMap((size) => resultsOfPart<DetectionTimes>(done, 'notices', size)).flatMap(
    (one) => one.probed,
  );
  const lines = [0.5, 1, 1.5, 2, 3, 4, 5].map((k) => {
    const share = probed.filter((value) => value <= k).length / probed.length;
    const expected = 1 - Math.exp(-k);
    const format = (value: number): string => `${(100 * value).toFixed(1).padStart(5)} %`;
    return `${k.toFixed(1).padStart(4)}    ${format(expected)}  ${format(share)}  ${'█'.repeat(Math.round(40 * share))}`;
  });
  return ['```', 'periods  1-e^-k   measured', ...lines, '```'].join('\n');
}

/** Source: SWIM §4.1, infection-style dissemination. */
export function disseminationTable(done: readonly PaperRun[]): string {
  return markdownTable(
    ['Members', 'Changes', 'Half know: median', 'All know: median', '99 %', 'ln N', 'All / ln N'],
    SIZES.map((size) => {
      const results = resultsOfPart<DisseminationTimes>(done, 'spreads', size);
      const half = percentiles(results.flatMap((one) => one.half))[0];
      const [all, late] = percentiles(results.flatMap((one) => one.all));
      const log = Math.log(size);
      return [
        String(size),
        formatCount(sumBy(results, (one) => one.all.length)),
        periods(half),
        periods(all),
        periods(late),
        periods(log),
        periods(all / log),
      ];
    }),
  );
}

/** Source: SWIM §3.2, §5: what a member sends does not grow with the group. */
export function loadChart(done: readonly PaperRun[]): string {
  const loads = SIZES.map((size) => [size, resultsOfPart<MessageLoad>(done, 'load', size)[0]] as const);
  const most = Math.max(...loads.map(([, one]) => one?.packets ?? 0));
  const lines = loads.map(
    ([size, one]) =>
      `${String(size).padStart(7)}  ${(one?.packets ?? Number.NaN).toFixed(2).padStart(9)}  ${(one?.bytes ?? Number.NaN).toFixed(0).padStart(6)}  ${formatBar(one?.packets ?? 0, most, 30)}`,
  );
  return ['```', 'members  datagrams   bytes', ...lines, '```'].join('\n');
}

/** Source: SWIM §3.1 (PM(T)), §4.2. */
export function lossTable(done: readonly PaperRun[]): string {
  return markdownTable(
    [
      'Loss',
      'Hours of one member',
      'Probes',
      'Failed',
      'Failed, by formula',
      'Suspected per hour',
      'Declared dead per hour',
      'Suspicion saves',
    ],
    LOSS_RATES.map((loss) => {
      const all = resultsOfPart<LossResult>(done, 'lossy', loss);
      const total = (value: (one: LossResult) => number): number => sumBy(all, value);
      const [probes, failed, hours] = [
        total((one) => one.probes),
        total((one) => one.failed),
        total((one) => one.hours),
      ];
      const [suspected, dead] = [total((one) => one.suspected), total((one) => one.dead)];
      return [
        `${100 * loss} %`,
        hours.toFixed(1),
        formatCount(probes),
        formatPercent(failed, probes),
        formatPercent(failureChance(loss, HELPERS), 1),
        (suspected / hours).toFixed(1),
        (dead / hours).toFixed(2),
        formatPercent(suspected - dead, suspected),
      ];
    }),
  );
}
