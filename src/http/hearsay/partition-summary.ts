/** The partition summary (agent/readers/partition-summary.ts) as JSON. Field names are a contract. */
import type { MemberCount, PartitionSummary } from '../../agent/contract/view.ts';
import type { Site } from '../endpoint/site.ts';

/** Members named; the counts are of all. */
const MAX_NAMED = 100;

export function toPartitionSummaryJson(summary: PartitionSummary, site: Site): unknown {
  const { kind, sentence, known, visible, lostTogether, network, side, missing } = summary;
  const now = site.monotonicClock();
  return {
    kind,
    sentence,
    known,
    visible,
    minuteAgo: countOrNull(summary.minuteAgo),
    hourAgo: countOrNull(summary.hourAgo),
    lostTogether,
    network: network ?? null,
    side: side ?? null,
    missing: missing.slice(0, MAX_NAMED).map(({ name, address, downAt }) => ({
      ...{ name, addr: address.host, port: address.port },
      ageMs: Math.max(0, Math.round(now - downAt)),
    })),
  };
}

/** `null`: the agent is younger. */
const countOrNull = (count: MemberCount | undefined): MemberCount | null => count ?? null;
