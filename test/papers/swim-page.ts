/** The part of the page on SWIM: first detection, infection, load, loss. */
import { bar, count, mean, percent, percentiles, sum, table } from './figures.ts';
import type { Done } from './plan.ts';
import { LOSSES, SIZES } from './plan.ts';
import { failureChance, type Load, type Lossy, type Noticed, type Spread } from './swim.ts';

/** Who is asked to probe in turn: `swim.indirectChecks`. */
const HELPERS = 3;

const of = <T>(done: readonly Done[], part: string, cell: number): T[] =>
  done
    .filter(({ job }) => job.part === part && job.cell[0] === cell)
    .map(({ result }) => result as unknown as T);

const periods = (value: number): string => (Number.isNaN(value) ? '–' : value.toFixed(2));

/** Source: SWIM §3.1, expected time to first detection. */
export function firstDetection(done: readonly Done[]): string {
  return table(
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
      const all = of<Noticed>(done, 'notices', size);
      const probed = all.flatMap((one) => one.probed);
      const suspected = all.flatMap((one) => one.suspected);
      return [
        String(size),
        count(probed.length),
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

/** Share of crashes that somebody has probed after so many periods, over all sizes, beside 1 - e^-k. */
export function detectionCurve(done: readonly Done[]): string {
  const probed = SIZES.flatMap((size) => of<Noticed>(done, 'notices', size)).flatMap((one) => one.probed);
  const lines = [0.5, 1, 1.5, 2, 3, 4, 5].map((k) => {
    const share = probed.filter((value) => value <= k).length / probed.length;
    const said = 1 - Math.exp(-k);
    const written = (value: number): string => `${(100 * value).toFixed(1).padStart(5)} %`;
    return `${k.toFixed(1).padStart(4)}    ${written(said)}  ${written(share)}  ${'█'.repeat(Math.round(40 * share))}`;
  });
  return ['```', 'periods  1-e^-k   measured', ...lines, '```'].join('\n');
}

/** Source: SWIM §4.1, infection-style dissemination. */
export function infection(done: readonly Done[]): string {
  return table(
    ['Members', 'Rumors', 'Half know: median', 'All know: median', '99 %', 'ln N', 'All / ln N'],
    SIZES.map((size) => {
      const found = of<Spread>(done, 'spreads', size);
      const half = percentiles(found.flatMap((one) => one.half))[0];
      const [all, late] = percentiles(found.flatMap((one) => one.all));
      const log = Math.log(size);
      return [
        String(size),
        count(sum(found, (one) => one.all.length)),
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
export function quietLoad(done: readonly Done[]): string {
  const loads = SIZES.map((size) => [size, of<Load>(done, 'load', size)[0]] as const);
  const most = Math.max(...loads.map(([, one]) => one?.packets ?? 0));
  const lines = loads.map(
    ([size, one]) =>
      `${String(size).padStart(7)}  ${(one?.packets ?? Number.NaN).toFixed(2).padStart(9)}  ${(one?.bytes ?? Number.NaN).toFixed(0).padStart(6)}  ${bar(one?.packets ?? 0, most, 30)}`,
  );
  return ['```', 'members  datagrams   bytes', ...lines, '```'].join('\n');
}

/** Source: SWIM §3.1 (PM(T)), §4.2. */
export function withLoss(done: readonly Done[]): string {
  return table(
    [
      'Loss',
      'Hours of one member',
      'Probes',
      'Failed',
      'Failed, by formula',
      'Suspected per hour',
      'Called dead per hour',
      'Suspicion saves',
    ],
    LOSSES.map((loss) => {
      const all = of<Lossy>(done, 'lossy', loss);
      const total = (value: (one: Lossy) => number): number => sum(all, value);
      const [probes, failed, hours] = [
        total((one) => one.probes),
        total((one) => one.failed),
        total((one) => one.hours),
      ];
      const [suspected, dead] = [total((one) => one.suspected), total((one) => one.dead)];
      return [
        `${100 * loss} %`,
        hours.toFixed(1),
        count(probes),
        percent(failed, probes),
        percent(failureChance(loss, HELPERS), 1),
        (suspected / hours).toFixed(1),
        (dead / hours).toFixed(2),
        percent(suspected - dead, suspected),
      ];
    }),
  );
}
