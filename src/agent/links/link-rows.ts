/** Link reports as rows of a response to a survey, and back. */
import { formatAddress, parseAddress, toAddress } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { QueryReport } from '../../serf/types.ts';
import type { StreamPingOutcome } from '../../swim/types.ts';
import { decodeLinkReport, type LinkRow } from '../../wire/links.ts';
import type { LinkReport, LinkSurvey } from '../contract/links.ts';

/** Their numbers on the wire are their places. */
const OUTCOMES: readonly (StreamPingOutcome | undefined)[] = [
  ...([
    undefined,
    'acked',
    'connected',
    'unanswered',
    'closed',
    'refused',
    'unreachable',
    'timeout',
  ] as const),
];

export function toRow(report: LinkReport, heardFrom: number): LinkRow {
  const { to: node, sent, answered, heard, longest, blocked, roundTrip, clockAhead, seenFrom, tcp } = report;
  const seen = parseAddress(seenFrom);
  return {
    ...{ node, sent, answered, heard, heardFrom, longest, blocked },
    ...{ roundTrip: roundTrip ?? -1, clockAhead: clockAhead ?? 0 },
    ...{ ip: seen?.ip ?? NO_BYTES, port: seen?.port ?? 0, tcp: Math.max(0, OUTCOMES.indexOf(tcp)) },
  };
}

function toReport(from: string, row: LinkRow, at: Millis): LinkReport {
  const {
    node: to,
    sent,
    answered,
    heard,
    heardFrom,
    longest,
    blocked,
    roundTrip,
    clockAhead,
    ip,
    port,
  } = row;
  const isMeasured = roundTrip >= 0 && Number.isFinite(roundTrip) && Number.isFinite(clockAhead);
  return {
    ...{ from, to, sent, answered, heard, heardBack: heardFrom, longest, blocked, at },
    roundTrip: isMeasured ? roundTrip : undefined,
    clockAhead: isMeasured ? clockAhead : undefined,
    seenFrom: ip.length === 4 || ip.length === 16 ? formatAddress(toAddress(ip, port)) : '',
    tcp: OUTCOMES[row.tcp],
  };
}

/** What cannot be read is left out: its sender counts as silent. */
export function toSurvey(
  { id, finished, responses }: QueryReport,
  expected: readonly string[],
  now: Millis,
): LinkSurvey {
  const links: LinkReport[] = [];
  const answered: string[] = [];
  for (const { from, payload } of responses) {
    try {
      links.push(...decodeLinkReport(payload).map((row) => toReport(from, row, now)));
      answered.push(from);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }
  return { id, finished, expected: [...expected].sort(), answered: answered.sort(), links };
}
