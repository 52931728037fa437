/** `npm run swarm -- --mixed`: many seeds of agents beside Serf peers that fire events, send queries and rotate keys. */
import { type LawId, MEMBERSHIP_LAWS, MESSAGE_LAWS } from '../../src/sim/laws/law.ts';
import { MIXED_KINDS, type MixedReport, runMixed } from '../../src/sim/scenarios/mixed.ts';
import { KEY_ROTATION_STEPS } from '../../src/sim/workload/key-rotations.ts';
import { MESSAGE_LOAD_KINDS } from '../../src/sim/workload/message-load.ts';
import { serveJobs } from '../support/worker-pool.ts';
import {
  describeCommand,
  formatCounts,
  formatFailedSeeds,
  formatJudgments,
  formatQuantile,
  formatRunOptions,
  formatTotals,
  idleLaws,
  printFailure,
  REPRESENTATIVE_SEEDS,
  type SwarmCommand,
} from './options.ts';
import { runSeeds, type SeedRange } from './seeds.ts';

/**
 * Up to nine members each gossip a message four times, to three peers at a time, so it misses a member now and then. A higher
 * share than this means that something is wrong.
 */
export const MAX_MISSED_SHARE = 0.02;
/** Gossip is over by then: a delivery that took longer came by a push/pull. */
export const GOSSIP_BOUND_MS = 3000;

/** Laws that judge in a mixed cluster; it registers no services. */
const MIXED_LAWS: readonly LawId[] = [
  ...MEMBERSHIP_LAWS.filter((law) => law !== 'I18' && law !== 'I19' && law !== 'I20'),
  ...MESSAGE_LAWS,
];

export async function runMixedSwarm(seeds: SeedRange, command: SwarmCommand): Promise<void> {
  const { run, commit } = command;
  if (process.send !== undefined) return serveJobs((seed: number) => runMixed({ ...run, seed }));
  console.log(`mixed, ${describeCommand(command)}`);
  const reports: MixedReport[] = [];
  const seconds = await runSeeds<MixedReport>(seeds, (report) => {
    const { seed, failures } = report;
    reports.push({ ...report, lines: [] });
    if (failures.length === 0) return true;
    printFailure(report, commit, `--mixed --from ${seed} --seeds 1 ${formatRunOptions(run)}`, 'faults:');
    return false;
  });
  summarize(reports, command, seconds);
  if (reports.length < seeds.count) process.exitCode = 1;
}

type CountKey = 'faultCounts' | 'messageCounts' | 'rotationCounts';
type SumKey =
  | 'eventDeliveries'
  | 'responses'
  | 'acks'
  | 'expectedAcks'
  | 'missedAcks'
  | 'recoveredHosts'
  | 'watchedPairs';

const sumOf = (reports: readonly MixedReport[], key: SumKey): number =>
  reports.reduce((sum, report) => sum + report[key], 0);

const countOf =
  (reports: readonly MixedReport[], key: CountKey) =>
  (kind: string): number =>
    reports.reduce((sum, report) => sum + ((report[key] as Record<string, number>)[kind] ?? 0), 0);

/** What a run should have seen and never did. */
export function neverSeen(reports: readonly MixedReport[], kinds = MIXED_KINDS): string[] {
  const isUnseen = (key: CountKey) => (kind: string) => countOf(reports, key)(kind) === 0;
  const others: readonly (readonly [string, number])[] = [
    ['recovered hosts', sumOf(reports, 'recoveredHosts')],
    ['expected acks', sumOf(reports, 'expectedAcks')],
    ['deliveries without loss', reports.flatMap(({ deliveryDelays }) => deliveryDelays).length],
    ['pairs watched during a key rotation', sumOf(reports, 'watchedPairs')],
  ];
  return [
    ...kinds.filter(isUnseen('faultCounts')),
    ...MESSAGE_LOAD_KINDS.filter(isUnseen('messageCounts')),
    ...KEY_ROTATION_STEPS.filter(isUnseen('rotationCounts')),
    ...idleLaws(MIXED_LAWS, reports),
    ...others.filter(([, count]) => count === 0).map(([name]) => name),
  ];
}

/** Between healthy members without loss: the share of acks that gossip missed, and of events that it delivered late. */
export function missedShares(reports: readonly MixedReport[]): {
  readonly acks: number;
  readonly events: number;
} {
  const delays = reports.flatMap((report) => report.deliveryDelays);
  const late = delays.filter((delay) => delay > GOSSIP_BOUND_MS).length;
  return {
    acks: sumOf(reports, 'missedAcks') / Math.max(1, sumOf(reports, 'expectedAcks')),
    events: late / Math.max(1, delays.length),
  };
}

function summarize(reports: readonly MixedReport[], { run }: SwarmCommand, seconds: number): void {
  const failed = reports.filter(({ failures }) => failures.length > 0);
  const delays = reports.flatMap((report) => report.deliveryDelays).sort((a, b) => a - b);
  const [p50, p99, max] = [0.5, 0.99, 1].map((part) => formatQuantile(delays, part, 2));
  const missed = missedShares(reports);
  const percent = (share: number): string => `${(100 * share).toFixed(3)} %`;
  const sum = (key: SumKey): number => sumOf(reports, key);
  console.log(
    [
      formatTotals(reports, failed.length, run.members, seconds),
      `events received: ${sum('eventDeliveries')}; ${delays.length} between healthy members without loss: p50 ${p50} s, p99 ${p99} s, max ${max} s, after ${GOSSIP_BOUND_MS / 1000} s ${percent(missed.events)}`,
      `responses: ${sum('responses')}; acks: ${sum('acks')}; of ${sum('expectedAcks')} acks expected without loss, gossip of Serf peers missed ${percent(missed.acks)}`,
      `left behind by a key rotation, notified and recovered: ${sum('recoveredHosts')}`,
      `faults: ${formatCounts(countOf(reports, 'faultCounts'), MIXED_KINDS)}`,
      `messages: ${formatCounts(countOf(reports, 'messageCounts'), MESSAGE_LOAD_KINDS)}`,
      `key rotations: ${formatCounts(countOf(reports, 'rotationCounts'), KEY_ROTATION_STEPS)}`,
      'laws judged:',
      ...formatJudgments(MIXED_LAWS, reports),
    ].join('\n'),
  );
  if (failed.length > 0) {
    console.log(formatFailedSeeds(failed));
    process.exitCode = 1;
  }
  if (reports.length < REPRESENTATIVE_SEEDS) return;
  const unseen = neverSeen(reports, run.kinds ?? MIXED_KINDS);
  if (unseen.length > 0) console.log(`never seen: ${unseen.join(', ')}`);
  if (unseen.length > 0 || Math.max(missed.acks, missed.events) > MAX_MISSED_SHARE) process.exitCode = 1;
}
