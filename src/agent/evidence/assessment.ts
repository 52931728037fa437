/**
 * What is to be made of an accusation: what the probes met, how much of it rests on the accuser alone, and how healthy
 * that one was.
 */
import type { Millis } from '../../base/time.ts';
import type { StreamFailure } from '../../swim/types.ts';
import type { Cause, Diagnosis } from '../contract/evidence.ts';
import { type DiagnosisInput, memberNameAt, membersFailedTogether } from './findings.ts';
import type { Incident, SeenProbe, Stall } from './incident.ts';
import { formatContact, formatList, formatProbeFailure, formatRefusals, formatSpan } from './wording.ts';

/** An accuser this late in a probe round may have missed the answer. */
const LATE: Millis = 100;
/** The awareness from which an accuser is doubted; 0 is healthy. */
const UNHEALTHY = 2;
/** For this long an accusation that an agent made before a restart may still be under way. */
const OLD_WORD: Millis = 10_000;
/** A stall explains a probe in vain if it covers this part of it. */
const COVERED = 0.5;
/** An agent has a deadline at least as often as this. */
const MAX_UNNOTICED: Millis = 1000;

export interface Assessment {
  /** What the accusers saw. */
  readonly clause: string;
  readonly accusation: NonNullable<Diagnosis['accusation']>;
  readonly cause: Cause | undefined;
}

export function assessAccusation(input: DiagnosisInput, incident: Incident): Assessment {
  // The member's own host has told several times that no process listens there.
  if (incident.closed !== undefined)
    return {
      clause: `${formatRefusals(incident.closed)}: no process listened there`,
      ...{ accusation: 'true', cause: 'refused' },
    };
  const seen = describeProbes(input, incident);
  if (seen === undefined) return assessHearsay(input, incident);
  const contact = formatContact(incident.contact ?? 'timeout');
  const cause = CAUSES[incident.contact ?? 'timeout'];
  // What a connection met is told by the member's own host, however late the accuser was.
  if (cause === 'refused') return { clause: `${seen.clause}; ${contact}`, accusation: 'true', cause };
  if (cause !== 'silent') {
    const tenant = cause === 'closed' ? tenantOf(input) : undefined;
    return tenant === undefined
      ? { clause: `${seen.clause}; ${contact}`, accusation: 'unclear', cause }
      : { clause: `${seen.clause}; ${tenant} lives at its address`, accusation: 'true', cause: 'moved' };
  }
  const together = membersFailedTogether(input, incident.death?.at ?? incident.accusedAt);
  if (together.length > 0) {
    const clause = `${seen.clause}; ${formatList(together)} failed at the same time, so it may be the network`;
    return { clause, accusation: 'unclear', cause: 'network' };
  }
  if (seen.isDoubted) return { clause: seen.clause, accusation: 'false', cause: 'accuser' };
  const accusation = seen.witnessCount > 0 ? 'true' : 'unclear';
  return { clause: `${seen.clause}; ${contact}`, accusation, cause };
}

const CAUSES = {
  refused: 'refused',
  unanswered: 'hung',
  closed: 'closed',
  unreachable: 'silent',
  timeout: 'silent',
} as const satisfies Readonly<Record<StreamFailure, Cause>>;

/** Another member that is up at the address of the node. */
function tenantOf({ node, members }: DiagnosisInput): string | undefined {
  const own = members.find(({ name }) => name === node)?.address.key;
  return members.find(
    ({ name, address, status }) => name !== node && address.key === own && status === 'alive',
  )?.name;
}

interface ProbeSummary {
  readonly clause: string;
  /** The accuser may be wrong, and nobody else found the same. */
  readonly isDoubted: boolean;
  /** Agents that found the same without the accuser. */
  readonly witnessCount: number;
}

/** What is known of probes; `undefined`: nobody is known to have probed the member. */
function describeProbes(input: DiagnosisInput, incident: Incident): ProbeSummary | undefined {
  const { initiator, probes, verifiers, pushPullSources } = incident;
  const isSound = (name: string): boolean =>
    name !== initiator && doubtsAboutAccuser(input, name, incident).length === 0;
  const probers = [...probes.keys()].filter(isSound);
  const sound = [...new Set([...probers, ...[...verifiers].filter(isSound)])];
  const probe = probes.get(initiator)?.reason;
  const source = pushPullSources.get(initiator);
  if (probe === undefined && source !== undefined) {
    const clause = `a push/pull with ${memberNameAt(input, source) ?? source} reported it`;
    return { clause: `${clause}${formatSeconded(sound)}`, isDoubted: false, witnessCount: sound.length };
  }
  if (probe === undefined) {
    const [witness = [...verifiers][0], ...others] = sound;
    if (witness === undefined) return undefined;
    const found = probes.get(witness)?.reason;
    const clause =
      found === undefined
        ? `${witness} pinged it in vain before its suspicion ended`
        : `at ${witness} ${formatProbeFailure(found)}`;
    const witnessCount = sound.length + (found?.nacks ?? 0);
    return { clause: `${clause}${formatSeconded(others)}`, isDoubted: false, witnessCount };
  }
  const doubts = doubtsAboutAccuser(input, initiator, incident);
  const witnessCount = probe.nacks + sound.length;
  if (doubts.length === 0)
    return { clause: `${formatProbeFailure(probe)}${formatSeconded(sound)}`, isDoubted: false, witnessCount };
  const but = sound.length === 0 ? '' : `, but ${formatList(sound)} found the same`;
  const clause = `${formatProbeFailure(probe)}; ${doubts.join(' and ')}${but}`;
  return { clause, isDoubted: witnessCount === 0, witnessCount };
}

const formatSeconded = (names: readonly string[]): string =>
  names.length === 0 ? '' : `, and ${formatList(names)} found the same`;

/**
 * No agent is known to have seen anything. An accuser that ran at that time, answers, and never held the member as down
 * has not accused it: but only where the accusation came by way of another address than its own, since agents pass on
 * to a member what they were told of it.
 */
function assessHearsay(input: DiagnosisInput, incident: Incident): Assessment {
  const { initiator, source, accusedAt, startTimes, holders, disowners } = incident;
  const { self, node, members } = input;
  const unclear = (clause: string): Assessment => ({ clause, accusation: 'unclear', cause: undefined });
  const sender = source === undefined || source === '' ? undefined : memberNameAt(input, source);
  const isOutsider = source !== undefined && source !== '' && sender === undefined;
  const from = isOutsider ? `the message came from ${source}, which is not a member, and ` : '';
  if (initiator === node) return unclear('a push/pull told it so');
  const who = initiator === self ? 'this agent' : initiator;
  const isItsOwn = source === members.find(({ name }) => name === initiator)?.address.key;
  if (holders.has(initiator)) return unclear(`${from}${who} passed on what others had told it`);
  const startedAt = startTimes.get(initiator);
  const cameFromOthers = disowners.has(initiator) || (!isItsOwn && source !== undefined && source !== '');
  if (startedAt === undefined || !cameFromOthers)
    return unclear(`${from}what ${initiator} saw is not known here`);
  if (startedAt >= accusedAt - OLD_WORD)
    return unclear(`${from}${who} was restarted since, and knows nothing of it`);
  return {
    clause: `${from}${who} knows of no such probe: forged in its name`,
    accusation: 'false',
    cause: 'forged',
  };
}

/** Clauses on why an accuser may be wrong. Only what overlapped its probe, or concerns it, counts. */
function doubtsAboutAccuser(input: DiagnosisInput, name: string, incident: Incident): readonly string[] {
  const probe = incident.probes.get(name);
  if (probe === undefined) return [];
  const { awareness, helpers, nacks, latenessMs } = probe.reason;
  const doubts: string[] = [];
  const late = Math.max(latenessMs, ...stallsIn(incident, name, probe).map(({ lateness }) => lateness));
  if (late >= LATE) doubts.push(`${name} itself was ${formatSpan(late)} late`);
  if (awareness >= UNHEALTHY)
    doubts.push(`${name} itself was unhealthy (awareness ${awareness}, 0 is healthy)`);
  const isUp = (helper: string): boolean =>
    input.members.some((member) => member.name === helper && member.status === 'alive');
  if (nacks === 0 && helpers.some(isUp)) doubts.push(`no helper of ${name} answered it`);
  return doubts;
}

/** The stalls of `name` that overlap a probe. */
const stallsIn = ({ stalls }: Incident, name: string, { reason, at: end }: SeenProbe): readonly Stall[] =>
  (stalls.get(name) ?? []).filter(
    ({ at, lateness }) => at >= end - reason.durationMs && at - lateness <= end,
  );

/** The stall of the accused for which it did not answer: it covers most of the time in which it was probed. */
export function explainsSilence(incident: Incident, node: string): Stall | undefined {
  const { probedFrom, accusedAt, stalls } = incident;
  // A stall is noticed by the first deadline that it missed; it may have begun up to one such time before.
  const beginOf = ({ at, lateness }: Stall): Millis => at - lateness - Math.min(lateness, MAX_UNNOTICED);
  const covered = (stall: Stall): Millis =>
    Math.min(stall.at, accusedAt) - Math.max(beginOf(stall), probedFrom);
  return (stalls.get(node) ?? [])
    .filter((stall) => covered(stall) >= COVERED * (accusedAt - probedFrom))
    .sort((a, b) => b.lateness - a.lateness)[0];
}
