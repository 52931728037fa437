/** `npm run swarm -- --mixed`: many seeds of ours beside Go-like peers, who fire events, ask queries and change keys. */
import { MIXED_KINDS, type MixedOptions, type MixedReport, runMixed } from '../../src/sim/scenarios/mixed.ts';
import { KEY_ROTATION_STEPS } from '../../src/sim/workload/key-rotations.ts';
import { MESSAGE_LOAD_KINDS } from '../../src/sim/workload/message-load.ts';
import { serveJobs } from '../support/worker-pool.ts';
import { runSeeds, type SeedRange } from './seeds.ts';

/** So many seeds should see everything. */
const ENOUGH = 40;
/**
 * Up to nine members each say a thing four times, to three at a time, so gossip passes one of them over now and then; more often
 * than this, and something is wrong.
 */
export const MAX_MISSED_SHARE = 0.02;
/** When gossip is over. What took longer came by a push/pull. */
export const GOSSIP_BOUND_MS = 3000;
const SHOWN_LINES = 80;

export async function runMixedSwarm(
  seeds: SeedRange,
  options: Omit<MixedOptions, 'seed'>,
  commit: string,
): Promise<void> {
  if (process.send !== undefined) return serveJobs((seed: number) => runMixed({ ...options, seed }));
  const { members, minutes } = options;
  const { first, count } = seeds;
  console.log(
    `mixed, commit ${commit}, seeds ${first} to ${first + count - 1}, ${members} members, ${minutes} min`,
  );
  const reports: MixedReport[] = [];
  const seconds = await runSeeds<MixedReport>(seeds, (report) => {
    reports.push({ ...report, lines: [] });
    if (report.failures.length === 0) return true;
    show(report, options);
    return false;
  });
  summarize(reports, options, seconds);
  if (reports.length < count) process.exitCode = 1;
}

/** What a run should have seen, and what of it never came. */
export function neverSeen(reports: readonly MixedReport[], kinds = MIXED_KINDS): string[] {
  const total = (of: (report: MixedReport) => number | undefined): number =>
    reports.reduce((sum, report) => sum + (of(report) ?? 0), 0);
  const wanted: [string, number][] = [
    ...kinds.map((kind): [string, number] => [kind, total(({ faultCounts: struck }) => struck[kind])]),
    ...MESSAGE_LOAD_KINDS.map((kind): [string, number] => [
      kind,
      total(({ messageCounts: said }) => said[kind]),
    ]),
    ...KEY_ROTATION_STEPS.map((step): [string, number] => [
      step,
      total(({ rotationCounts: steps }) => steps[step]),
    ]),
    ['relieved', total(({ recoveredHosts: relieved }) => relieved)],
    ['acks that are owed', total(({ expectedAcks: owedAcks }) => owedAcks)],
    ['hearings where nothing is lost', total(({ deliveryDelays: spread }) => spread.length)],
    ['pairs watched while keys change', total(({ watchedPairs: pairs }) => pairs)],
  ];
  return wanted.filter(([, count]) => count === 0).map(([what]) => what);
}

/** Of those who were well where nothing is lost: the part that gossip did not reach, and that it reached late. */
export function missedShares(reports: readonly MixedReport[]): {
  readonly acks: number;
  readonly events: number;
} {
  const spread = reports.flatMap((report) => report.deliveryDelays);
  const late = spread.filter((took) => took > GOSSIP_BOUND_MS).length;
  const sum = (key: 'expectedAcks' | 'missedAcks'): number =>
    reports.reduce((all, report) => all + report[key], 0);
  return {
    acks: sum('missedAcks') / Math.max(1, sum('expectedAcks')),
    events: late / Math.max(1, spread.length),
  };
}

function show(report: MixedReport, { members, minutes, kinds, loss }: Omit<MixedOptions, 'seed'>): void {
  const given = [
    `--members ${members} --minutes ${minutes}`,
    ...(kinds === undefined ? [] : [`--kinds ${kinds.length === 0 ? 'none' : kinds.join(',')}`]),
    ...(loss === undefined ? [] : [`--loss ${loss}`]),
  ].join(' ');
  console.log(
    [
      '',
      `seed ${report.seed} FAILED: npm run swarm -- --mixed --from ${report.seed} --seeds 1 ${given}`,
      JSON.stringify(report.parameters),
      ...report.failures.slice(0, 12).map((line) => `  ${line}`),
      ...report.faults.map((fault) => `  ${JSON.stringify(fault)}`),
      'the end of the trace:',
      ...report.lines.slice(-SHOWN_LINES).map((line) => `  ${line}`),
    ].join('\n'),
  );
}

function summarize(
  reports: readonly MixedReport[],
  options: Omit<MixedOptions, 'seed'>,
  seconds: number,
): void {
  const failed = reports.filter(({ failures }) => failures.length > 0);
  const hours = reports.reduce((sum, { span }) => sum + (span / 3_600_000) * options.members, 0);
  const sum = (key: 'eventDeliveries' | 'responses' | 'acks' | 'expectedAcks' | 'recoveredHosts'): number =>
    reports.reduce((all, report) => all + report[key], 0);
  const counts = (
    key: 'faultCounts' | 'messageCounts' | 'rotationCounts',
    kinds: readonly string[],
  ): string =>
    kinds
      .map(
        (kind) =>
          `${kind} ${reports.reduce((all, report) => all + ((report[key] as Record<string, number>)[kind] ?? 0), 0)}`,
      )
      .join(', ');
  const spread = reports.flatMap((report) => report.deliveryDelays).sort((a, b) => a - b);
  const at = (part: number): string =>
    ((spread[Math.min(spread.length - 1, Math.floor(part * spread.length))] ?? Number.NaN) / 1000).toFixed(2);
  const over = missedShares(reports);
  const percent = (part: number): string => `${(100 * part).toFixed(3)} %`;
  console.log(
    [
      `\n${reports.length} seeds, ${failed.length} failed, ${hours.toFixed(0)} node-hours in ${seconds.toFixed(0)} s`,
      `heard ${sum('eventDeliveries')}; where nothing is lost, by ${spread.length} who were well: p50 ${at(0.5)} s, p99 ${at(0.99)}, max ${at(1)}, after ${GOSSIP_BOUND_MS / 1000} s ${percent(over.events)}`,
      `answers ${sum('responses')}, acks ${sum('acks')}; of ${sum('expectedAcks')} acks owed where nothing is lost, gossip of Go-like askers passed over ${percent(over.acks)}`,
      `left behind by a change of keys, told so, and brought back: ${sum('recoveredHosts')}`,
      `troubles: ${counts('faultCounts', MIXED_KINDS)}`,
      `said: ${counts('messageCounts', MESSAGE_LOAD_KINDS)}`,
      `changes of keys: ${counts('rotationCounts', KEY_ROTATION_STEPS)}`,
    ].join('\n'),
  );
  if (failed.length > 0) {
    console.log(`failed seeds: ${failed.map(({ seed }) => seed).join(' ')}`);
    process.exitCode = 1;
  }
  if (reports.length < ENOUGH) return;
  const vain = neverSeen(reports, options.kinds ?? MIXED_KINDS);
  if (vain.length > 0) console.log(`never came: ${vain.join(', ')}`);
  if (vain.length > 0 || Math.max(over.acks, over.events) > MAX_MISSED_SHARE) process.exitCode = 1;
}
