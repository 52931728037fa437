/**
 * The diagnosis of a member in one sentence: its status, the accusers, what they saw, how healthy they were themselves,
 * and whether the accusation is likely true. A statement for people: nothing is decided by it.
 */
import type { Millis } from '../../base/time.ts';
import type { ProbeReason } from '../../swim/types.ts';
import type { AttributedEntry, Diagnosis } from '../contract/evidence.ts';
import {
  type DiagnosisInput,
  type FindingClause,
  formatAt,
  lastOfKind,
  memberNameAt,
  membersFailedTogether,
  secondaryFindings,
} from './findings.ts';
import { type Incident, lastIncident } from './incident.ts';
import { formatList, formatProbeFailure, formatSpan } from './wording.ts';

/** An accuser this late in a probe round may have missed the answer. */
const LATE: Millis = 100;
/** The awareness from which an accuser is doubted; 0 is healthy. */
const UNHEALTHY = 2;

export function diagnose(input: DiagnosisInput): Diagnosis {
  const primary = primaryFinding(input);
  const secondary = secondaryFindings(input);
  const findings = primary === undefined ? secondary : [primary, ...secondary];
  const [first] = findings;
  if (first === undefined) return { finding: 'clean', sentence: formatClean(input), accusation: undefined };
  const { finding, accusation } = first;
  return { finding, accusation, sentence: findings.map(({ clause }) => clause).join('; ') };
}

/** The member's departure, or its last accusation. */
function primaryFinding(input: DiagnosisInput): FindingClause | undefined {
  const { node, self, status, entries } = input;
  if (status === 'left' || status === 'leaving') return departureFinding(input, status);
  if (status === 'away') return awayFinding(input);
  const incident = lastIncident(entries, node, self);
  if (incident !== undefined) return accusationFinding(input, incident);
  return status === undefined ? departureFinding(input, 'left') : undefined;
}

function departureFinding(
  { node, status, entries, since, formatTime }: DiagnosisInput,
  kind: 'left' | 'leaving',
): FindingClause | undefined {
  const left = lastOfKind(entries, 'memberDeclaredDead', (fact) => fact.left);
  const failed = lastOfKind(entries, 'memberDeclaredDead', (fact) => !fact.left);
  if (kind === 'leaving') {
    const announced = lastOfKind(entries, 'memberLeaving')?.at ?? since;
    return { finding: 'leaving', clause: `announced${formatAt(formatTime, announced)} that it leaves` };
  }
  if (left !== undefined && (failed === undefined || failed.at < left.at))
    return { finding: 'left', clause: `left in order${formatAt(formatTime, left.at)}` };
  if (failed !== undefined && status === 'left') {
    const forgottenAt = formatAt(formatTime, lastOfKind(entries, 'memberLeft')?.at);
    const failedAt = formatAt(formatTime, failed.at);
    return {
      finding: 'forgotten',
      clause: `was declared failed by ${failed.fact.by}${failedAt}, and forgotten by an operator${forgottenAt}`,
    };
  }
  return status === 'left'
    ? { finding: 'left', clause: `${node} left${formatAt(formatTime, since)}` }
    : undefined;
}

/** It stopped without leaving: there is nobody to accuse, and nothing to do before its time is over. */
function awayFinding({ entries, formatTime, node }: DiagnosisInput): FindingClause | undefined {
  const pause = lastOfKind(entries, 'memberPaused');
  if (pause === undefined) return undefined;
  const { at, fact } = pause;
  const until = formatAt(formatTime, at + fact.durationMs, 'by');
  const clause = `${node} stopped${formatAt(formatTime, at)} and said that it will be back${until}: its services stay in results until then`;
  return { finding: 'away', clause };
}

function accusationFinding(input: DiagnosisInput, incident: Incident): FindingClause {
  const { status, formatTime } = input;
  const { initiator, death, accusedAt, end } = incident;
  const assessment = assessAccusers(input, incident);
  if (end !== undefined && status !== 'failed' && status !== 'suspect')
    return resolvedFinding(input, incident, end, assessment);
  const { accusation } = assessment;
  if (death === undefined && status !== 'failed') {
    const suspected = `suspected by ${initiator}${formatAt(formatTime, accusedAt)}`;
    const clause = `${suspected}: ${assessment.clause}${CONCLUSIONS[accusation]}`;
    return { finding: 'suspected', accusation, clause };
  }
  const { by, at } = death ?? { by: initiator, at: accusedAt };
  const first = by === initiator ? '' : `, suspected first by ${initiator}`;
  const declared = `declared failed by ${by}${formatAt(formatTime, at)}${first}: ${assessment.clause}`;
  const together = membersFailedTogether(input, at);
  if (together.length > 0 && accusation === 'true') {
    const clause = `${declared}; ${formatList(together)} failed at the same time, so it may be the network`;
    return { finding: 'failed', accusation: 'unclear', clause };
  }
  return { finding: 'failed', accusation, clause: `${declared}${CONCLUSIONS[accusation]}` };
}

/** The member refuted the accusation, or is back. Only the member itself knows whether it was gone. */
function resolvedFinding(
  { formatTime, node, self }: DiagnosisInput,
  { initiator, death, accusedAt, startTimes, stalls }: Incident,
  end: AttributedEntry,
  assessment: Assessment,
): FindingClause {
  const startedAt = startTimes.get(node);
  const by = death === undefined ? `suspected by ${initiator}` : `declared failed by ${death.by}`;
  const was = `was ${by}${formatAt(formatTime, death?.at ?? accusedAt)}: ${assessment.clause}`;
  const finding = death === undefined ? 'refuted' : 'returned';
  if (startedAt !== undefined && startedAt > accusedAt)
    return {
      finding,
      accusation: 'true',
      clause: `${was}; it was restarted${formatAt(formatTime, startedAt)}`,
    };
  if (startedAt === undefined && death !== undefined) {
    const back = `it is back${formatAt(formatTime, end.at, 'since')}`;
    const clause = `${was}; ${back}, and did not say whether it had been running`;
    return { finding, accusation: assessment.accusation === 'false' ? 'false' : 'unclear', clause };
  }
  const stall = stalls.get(node);
  const who = self === node ? 'this agent' : 'it';
  const cause =
    stall === undefined
      ? ''
      : `, but had been ${formatSpan(stall.lateness)} late itself, so its answers did not arrive`;
  const after = end.at - accusedAt < 1 ? '' : ` after ${formatSpan(end.at - accusedAt)}`;
  return {
    finding,
    accusation: 'false',
    clause: `${was}; ${who} refuted that${after}${cause}: a false alarm`,
  };
}

const CONCLUSIONS = { true: ', so likely true', false: ', so likely false', unclear: '' } as const;

interface Assessment {
  readonly clause: string;
  readonly accusation: 'true' | 'false' | 'unclear';
}

/** A clause on what the accusers saw, and whether they are to be believed. */
function assessAccusers(input: DiagnosisInput, incident: Incident): Assessment {
  const { initiator, probes, pushPullSources } = incident;
  const doubts = doubtsAboutAccuser(initiator, incident);
  const sound = [...probes.keys()].filter(
    (name) => name !== initiator && doubtsAboutAccuser(name, incident).length === 0,
  );
  const seconded = sound.length === 0 ? '' : `, and ${formatList(sound)} found the same`;
  const probe = probes.get(initiator);
  if (probe !== undefined) {
    const accusation = doubts.length === 0 || sound.length > 0 ? 'true' : 'false';
    if (doubts.length === 0) return { clause: `${formatProbeFailure(probe)}${seconded}`, accusation };
    const but = sound.length === 0 ? '' : `, but ${formatList(sound)} found the same`;
    return { clause: `${formatProbeFailure(probe)}; ${doubts.join(' and ')}${but}`, accusation };
  }
  const source = pushPullSources.get(initiator);
  if (source !== undefined) {
    const peer = memberNameAt(input, source) ?? source;
    return { clause: `a push/pull with ${peer} reported it${seconded}`, accusation: 'unclear' };
  }
  const [witness, ...others] = sound;
  if (witness !== undefined) {
    const found = formatProbeFailure(probes.get(witness) as ProbeReason);
    const same = others.length === 0 ? '' : `, and ${formatList(others)} found the same`;
    return { clause: `at ${witness} ${found}${same}`, accusation: 'true' };
  }
  return assessHearsay(input, incident);
}

/** No agent is known to have seen anything. An accuser that ran at that time and knows of no probe has made none. */
function assessHearsay(
  input: DiagnosisInput,
  { initiator, source, accusedAt, startTimes }: Incident,
): Assessment {
  const { self, witnesses } = input;
  const isOutsider = source !== undefined && source !== '' && memberNameAt(input, source) === undefined;
  const from = isOutsider ? `the message came from ${source}, which is not a member, and ` : '';
  const startedAt = startTimes.get(initiator);
  const who = initiator === self ? 'this agent' : initiator;
  if (startedAt !== undefined && startedAt < accusedAt)
    return { clause: `${from}${who} knows of no such probe: forged in its name`, accusation: 'false' };
  if (witnesses.has(initiator) || initiator === self)
    return { clause: `${from}${who} was restarted since, and knows nothing of it`, accusation: 'unclear' };
  return { clause: `${from}what ${initiator} saw is not known here`, accusation: 'unclear' };
}

/** Clauses on why an accuser may be wrong. */
function doubtsAboutAccuser(name: string, { probes, stalls, accusedAt }: Incident): readonly string[] {
  const probe = probes.get(name);
  if (probe === undefined) return [];
  const stall = stalls.get(name) ?? { lateness: 0, at: accusedAt };
  const doubts: string[] = [];
  if (probe.latenessMs >= LATE && probe.latenessMs >= stall.lateness)
    doubts.push(`${name} itself was ${formatSpan(probe.latenessMs)} late`);
  else if (stall.lateness >= LATE) {
    const before = formatSpan(Math.max(0, accusedAt - stall.at));
    doubts.push(`${name} itself was ${formatSpan(stall.lateness)} late ${before} before`);
  }
  if (probe.awareness >= UNHEALTHY)
    doubts.push(`${name} itself was unhealthy (awareness ${probe.awareness}, 0 is healthy)`);
  if (probe.helpers.length > 0 && probe.nacks === 0) doubts.push(`no helper of ${name} answered it`);
  return doubts;
}

function formatClean({ node, self, status, since, entries, formatTime, witnesses }: DiagnosisInput): string {
  const count = [...witnesses].filter((name) => name !== self).length;
  const others =
    count === 0 ? ' (no other agent answered)' : ` and ${count} other ${count === 1 ? 'agent' : 'agents'}`;
  const stalls = entries.flatMap(({ by, fact }) =>
    by === node && fact.kind === 'stalled' ? [fact.latenessMs] : [],
  );
  const worst = Math.max(0, ...stalls);
  const late = worst > 0 ? `, though it was up to ${formatSpan(worst)} late` : '';
  const state =
    status === undefined ? 'it is not a member' : `${status}${formatAt(formatTime, since, 'since')}`;
  return `no accusation of ${node} is known to ${self}${others}${late}: ${state}`;
}
