/** The outlook (agent/readers/partition-summary.ts) in hearsay's own words. Field names are a contract. */
import type { MemberCount, PartitionSummary } from '../../agent/contract/view.ts';
import type { Site } from '../endpoint/site.ts';

/** Members named; the counts are of all. */
const MAX_NAMED = 100;

export function toPartitionSummaryJson(outlook: PartitionSummary, site: Site): unknown {
  const { kind, sentence, known, visible, together, network, side, missing } = outlook;
  const now = site.monotonicClock();
  return {
    kind,
    sentence,
    known,
    visible,
    minuteAgo: censusOrNull(outlook.minuteAgo),
    hourAgo: censusOrNull(outlook.hourAgo),
    together,
    network: network ?? null,
    side: side ?? null,
    missing: missing.slice(0, MAX_NAMED).map(({ name, address, downAt }) => ({
      ...{ name, addr: address.host, port: address.port },
      ageMs: Math.max(0, Math.round(now - downAt)),
    })),
  };
}

/** `null`: the agent is younger. */
const censusOrNull = (census: MemberCount | undefined): MemberCount | null => census ?? null;
