/**
 * The diagnosis of a member in one sentence: its status, the accusers, what they saw, how healthy they were themselves,
 * and whether the accusation is likely true. A statement for people: nothing is decided by it.
 */
import type { AttributedEntry, Diagnosis } from '../contract/evidence.ts';
import { type Assessment, assessAccusation, explainsSilence } from './assessment.ts';
import {
  type DiagnosisInput,
  type FindingClause,
  formatAt,
  lastMove,
  lastOfKind,
  linkFinding,
  type Move,
  movedFinding,
  secondaryFindings,
} from './findings.ts';
import { type Incident, lastIncident, SLACK } from './incident.ts';
import { formatSpan } from './wording.ts';

export function diagnose(input: DiagnosisInput): Diagnosis {
  const last = primaryFinding(input);
  // A link that was cut after all that is what troubles the member now.
  const isOver = last?.endedAt !== undefined && (linkFinding(input)?.at ?? 0) > last.endedAt + SLACK;
  const primary = isOver ? undefined : last;
  const secondary = secondaryFindings(input);
  const findings = primary === undefined ? secondary : [primary, ...secondary];
  const [first] = findings;
  if (first === undefined)
    return { finding: 'clean', sentence: formatClean(input), accusation: undefined, cause: undefined };
  const { finding, accusation, cause } = first;
  return { finding, accusation, cause, sentence: findings.map(({ clause }) => clause).join('; ') };
}

/** The last thing that happened to the member: its departure, an accusation, or a move. */
function primaryFinding(input: DiagnosisInput): FindingClause | undefined {
  const { node, self, status, entries } = input;
  if (status === 'left' || status === 'leaving') return departureFinding(input, status);
  if (status === 'away') return awayFinding(input);
  const incident = lastIncident(entries, node, self);
  const departure = lastOfKind(entries, 'memberDeclaredDead', (fact) => fact.left);
  if (status === undefined && departure !== undefined && departure.at > (incident?.accusedAt ?? 0))
    return departureFinding(input, 'left');
  const move = lastMove(input);
  const isUp = status !== undefined && status !== 'failed' && status !== 'suspect';
  if (incident === undefined) {
    if (move !== undefined && isUp) return movedFinding(input, move);
    return status === undefined ? departureFinding(input, 'left') : undefined;
  }
  const end = isUp ? incident.end : undefined;
  if (move !== undefined && isUp && move.lastAt >= incident.accusedAt - SLACK) {
    if (end !== undefined && move.at > end.lastAt + SLACK) return movedFinding(input, move);
    return movedMeanwhileFinding(input, incident, move);
  }
  return end === undefined ? accusationFinding(input, incident) : resolvedFinding(input, incident, end);
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

/** The accusation stands: the member has neither refuted it nor come back. */
function accusationFinding(input: DiagnosisInput, incident: Incident): FindingClause {
  const { status, formatTime } = input;
  const { initiator, death, accusedAt } = incident;
  const assessment = assessAccusation(input, incident);
  const { accusation, cause } = assessment;
  const seen = `${assessment.clause}${CONCLUSIONS[accusation]}`;
  const about = { accusation, ...(cause === undefined ? {} : { cause }) };
  if (death === undefined && status !== 'failed') {
    const clause = `suspected by ${initiator}${formatAt(formatTime, accusedAt)}: ${seen}`;
    return { finding: 'suspected', ...about, clause };
  }
  const { by, at } = death ?? { by: initiator, at: accusedAt };
  const first = by === initiator ? '' : `, suspected first by ${initiator}`;
  const clause = `declared failed by ${by}${formatAt(formatTime, at)}${first}: ${seen}`;
  return { finding: 'failed', ...about, clause };
}

const CONCLUSIONS = { true: ', so likely true', false: ', so likely false', unclear: '' } as const;

/** The accusation, as the first part of a sentence that goes on. */
const formatPast = (
  { formatTime }: DiagnosisInput,
  { initiator, death, accusedAt }: Incident,
  { clause }: Assessment,
): string => {
  const by = death === undefined ? `suspected by ${initiator}` : `declared failed by ${death.by}`;
  return `was ${by}${formatAt(formatTime, death?.at ?? accusedAt)}: ${clause}`;
};

/** It was accused at its old address. Whether its process had ended there only its own start tells, and where that was. */
function movedMeanwhileFinding(input: DiagnosisInput, incident: Incident, move: Move): FindingClause {
  const was = formatPast(input, incident, assessAccusation(input, incident));
  const startedAt = incident.startTimes.get(input.node);
  const at = formatAt(input.formatTime, move.at, 'since');
  const start = lastOfKind(input.entries, 'agentStarted', ({ node }) => node === input.node);
  const isNewProcess = start?.fact.address === move.claimed;
  const ranOn = !isNewProcess && startedAt !== undefined && startedAt < incident.probedFrom - SLACK;
  const clause = ranOn
    ? `${was}; it ran all the time, and has changed its address from ${move.previous} to ${move.claimed}${at}`
    : `${was}; its old life at ${move.previous} was dead, and it lives at ${move.claimed}${at}`;
  return {
    finding: 'returned',
    accusation: ranOn ? 'false' : 'true',
    cause: 'moved',
    endedAt: move.at,
    clause,
  };
}

/** The member refuted the accusation, or is back. Only the member itself knows whether it was gone. */
function resolvedFinding(input: DiagnosisInput, incident: Incident, end: AttributedEntry): FindingClause {
  const { formatTime, node, self } = input;
  const { death, accusedAt, probedFrom, startTimes } = incident;
  const assessment = assessAccusation(input, incident);
  const was = formatPast(input, incident, assessment);
  const about = { finding: death === undefined ? 'refuted' : 'returned', endedAt: end.lastAt } as const;
  const startedAt = startTimes.get(node);
  // A process reports its own stalls alone: the one that explains the silence was running then.
  const stall = explainsSilence(incident, node);
  const ranThen = stall !== undefined || assessment.cause === 'forged';
  const isSameLife = startedAt !== undefined && (startedAt <= probedFrom || ranThen);
  if (startedAt !== undefined && !isSameLife && startedAt <= end.lastAt + SLACK) {
    const clause = `${was}; it was restarted${formatAt(formatTime, startedAt)}`;
    return { ...about, accusation: 'true', cause: 'restarted', clause };
  }
  const back = `it is back${formatAt(formatTime, end.at, 'since')}`;
  if (!isSameLife && incident.contact === 'refused')
    return { ...about, accusation: 'true', cause: 'restarted', clause: `${was}; ${back}` };
  if (!isSameLife && death !== undefined) {
    const { accusation, cause } = assessment;
    return {
      ...about,
      accusation: accusation === 'false' ? 'false' : 'unclear',
      ...(cause === undefined ? {} : { cause }),
      clause: `${was}; ${back}, and did not say whether it had been running`,
    };
  }
  const who = self === node ? 'this agent' : 'it';
  const late =
    stall === undefined
      ? ''
      : `, but had been ${formatSpan(stall.lateness)} late itself, so its answers did not arrive`;
  const after = end.at - accusedAt < 1 ? '' : ` after ${formatSpan(end.at - accusedAt)}`;
  return {
    ...about,
    accusation: 'false',
    cause: stall === undefined ? causeOfFalseAlarm(assessment) : 'stalled',
    clause: `${was}; ${who} refuted that${after}${late}: a false alarm`,
  };
}

/**
 * A member that ran and was on time was not reached: the fault is the accuser's, or the network's. One whose host
 * answered for it was late, though it does not report that.
 */
const causeOfFalseAlarm = ({ cause }: Assessment): Diagnosis['cause'] => {
  if (cause === 'hung') return 'stalled';
  return cause === 'forged' || cause === 'accuser' ? cause : 'network';
};

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
