/** The outlook (agent/readers/partition-summary.ts) in hearsay's own words. Field names are a contract. */
import type { Census, Outlook } from '../../agent/contract/view.ts';
import type { Site } from '../endpoint/site.ts';

/** Members named; the counts are of all. */
const MAX_NAMED = 100;

export function outlookShape(outlook: Outlook, site: Site): unknown {
  const { kind, sentence, known, visible, together, network, side, missing } = outlook;
  const now = site.clock();
  return {
    kind,
    sentence,
    known,
    visible,
    minuteAgo: censusShape(outlook.minuteAgo),
    hourAgo: censusShape(outlook.hourAgo),
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
const censusShape = (census: Census | undefined): Census | null => census ?? null;
