/**
 * The verdict on a member, in one sentence: what it is taken for, who said so first, what they saw, how well they were
 * themselves, and whether that is likely true. A statement for people: nothing is decided by it.
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

/** Lateness in a round that may have cost an answer. */
const LATE: Millis = 100;
/** Health from which the accuser's word is doubtful. */
const UNWELL = 2;

export function diagnose(matter: DiagnosisInput): Diagnosis {
  const parts = [primaryFinding(matter), ...secondaryFindings(matter)].filter((part) => part !== undefined);
  const [first, ...others] = parts;
  if (first === undefined) return { finding: 'clean', sentence: formatClean(matter), accusation: undefined };
  const { finding, accusation } = first;
  return { finding, accusation, sentence: [first, ...others].map(({ clause }) => clause).join('; ') };
}

/** What it is, or was last accused of. */
function primaryFinding(matter: DiagnosisInput): FindingClause | undefined {
  const { node, self, status, entries: statements } = matter;
  if (status === 'left' || status === 'leaving') return departureFinding(matter, status);
  const episode = lastIncident(statements, node, self);
  if (episode !== undefined) return accusationFinding(matter, episode);
  return status === undefined ? departureFinding(matter, 'left') : undefined;
}

function departureFinding(
  { node, status, entries: statements, since, formatTime: clock }: DiagnosisInput,
  as: 'left' | 'leaving',
): FindingClause | undefined {
  const left = lastOfKind(statements, 'memberDeclaredDead', ({ left: own }) => own);
  const failed = lastOfKind(statements, 'memberDeclaredDead', ({ left: own }) => !own);
  if (as === 'leaving') {
    const said = lastOfKind(statements, 'memberLeaving');
    return { finding: 'leaving', clause: `is leaving, by its own word${formatAt(clock, said?.at ?? since)}` };
  }
  if (left !== undefined && (failed === undefined || failed.at < left.at))
    return { finding: 'left', clause: `left by its own word${formatAt(clock, left.at)}` };
  if (failed !== undefined && status === 'left') {
    const told = lastOfKind(statements, 'memberLeft');
    const when = `${formatAt(clock, failed.at)}, and an operator had it forgotten${formatAt(clock, told?.at)}`;
    return { finding: 'forgotten', clause: `was declared failed by ${failed.fact.by}${when}` };
  }
  return status === 'left' ? { finding: 'left', clause: `${node} left${formatAt(clock, since)}` } : undefined;
}

function accusationFinding(matter: DiagnosisInput, episode: Incident): FindingClause {
  const { status } = matter;
  const seen = assessAccusers(matter, episode);
  if (episode.end !== undefined && status !== 'failed' && status !== 'suspect')
    return resolvedFinding(matter, episode, episode.end, seen);
  const { initiator, death, accusedAt: began } = episode;
  const { formatTime: clock } = matter;
  if (death === undefined && status !== 'failed') {
    const clause = `suspected by ${initiator}${formatAt(clock, began)}: ${seen.clause}${CONCLUSIONS[seen.accusation]}`;
    return { finding: 'suspected', accusation: seen.accusation, clause };
  }
  const { by, at: when } = death ?? { by: initiator, at: began };
  const first = by === initiator ? '' : `, suspected first by ${initiator}`;
  const declared = `declared failed by ${by}${formatAt(clock, when)}${first}: ${seen.clause}`;
  const together = membersFailedTogether(matter, when);
  if (together.length > 0 && seen.accusation === 'true') {
    const clause = `${declared}; ${formatList(together)} failed at the same time, so it may be the network`;
    return { finding: 'failed', accusation: 'unclear', clause };
  }
  return {
    finding: 'failed',
    accusation: seen.accusation,
    clause: `${declared}${CONCLUSIONS[seen.accusation]}`,
  };
}

/** It refuted, or came back. Whether it had been gone only it knows. */
function resolvedFinding(
  { formatTime: clock, node, self }: DiagnosisInput,
  episode: Incident,
  end: AttributedEntry,
  seen: Assessment,
): FindingClause {
  const { initiator, death, accusedAt: began, startTimes: started, stalls } = episode;
  const startedAt = started.get(node);
  const when = death?.at ?? began;
  const by = death === undefined ? `suspected by ${initiator}` : `declared failed by ${death.by}`;
  const was = `was ${by}${formatAt(clock, when)}: ${seen.clause}`;
  const finding = death === undefined ? 'refuted' : 'returned';
  if (startedAt !== undefined && startedAt > began)
    return {
      finding,
      accusation: 'true',
      clause: `${was}; it was started anew${formatAt(clock, startedAt)}`,
    };
  if (startedAt === undefined && death !== undefined) {
    const clause = `${was}; it is back${formatAt(clock, end.at, 'since')}, and has not told whether it ran all along`;
    return { finding, accusation: seen.accusation === 'false' ? 'false' : 'unclear', clause };
  }
  const stalled = stalls.get(node);
  const who = self === node ? 'this agent' : 'it';
  const cause =
    stalled === undefined
      ? ''
      : `, but had been ${formatSpan(stalled.lateness)} late itself, so its answers did not come`;
  const after = end.at - began < 1 ? '' : ` after ${formatSpan(end.at - began)}`;
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

/** What the accusers saw, and how far they are to be believed. */
function assessAccusers(matter: DiagnosisInput, episode: Incident): Assessment {
  const { initiator, probes, pushPullSources: tables } = episode;
  const doubts = doubtsAboutAccuser(initiator, episode);
  const sound = [...probes.keys()].filter(
    (name) => name !== initiator && doubtsAboutAccuser(name, episode).length === 0,
  );
  const seconded = sound.length === 0 ? '' : `, and ${formatList(sound)} found the same`;
  const probe = probes.get(initiator);
  if (probe !== undefined) {
    const accusation = doubts.length === 0 || sound.length > 0 ? 'true' : 'false';
    if (doubts.length === 0) return { clause: `${formatProbeFailure(probe)}${seconded}`, accusation };
    const but = sound.length === 0 ? '' : `, but ${formatList(sound)} found the same`;
    return { clause: `${formatProbeFailure(probe)}; ${doubts.join(' and ')}${but}`, accusation };
  }
  const table = tables.get(initiator);
  if (table !== undefined)
    return {
      clause: `a full exchange with ${memberNameAt(matter, table) ?? table} said so${seconded}`,
      accusation: 'unclear',
    };
  const [witness, ...others] = sound;
  if (witness !== undefined) {
    const found = formatProbeFailure(probes.get(witness) as ProbeReason);
    const same = others.length === 0 ? '' : `, and ${formatList(others)} found the same`;
    return { clause: `for ${witness} ${found}${same}`, accusation: 'true' };
  }
  return assessHearsay(matter, episode);
}

/** Nobody is known to have seen anything. Who ran at that time, and knows of no probe, made none. */
function assessHearsay(
  matter: DiagnosisInput,
  { initiator, source, accusedAt: began, startTimes: started }: Incident,
): Assessment {
  const { self, witnesses: answered } = matter;
  const stranger = source !== undefined && source !== '' && memberNameAt(matter, source) === undefined;
  const from = stranger ? `the word came from ${source}, where no member lives, and ` : '';
  const ranAt = started.get(initiator);
  const who = initiator === self ? 'this agent' : initiator;
  if (ranAt !== undefined && ranAt < began)
    return { clause: `${from}${who} knows of no such probe: forged in its name`, accusation: 'false' };
  if (answered.has(initiator) || initiator === self)
    return { clause: `${from}${who} was started anew, and knows nothing of it`, accusation: 'unclear' };
  return { clause: `${from}what ${initiator} saw is not known here`, accusation: 'unclear' };
}

/** Clauses that speak against the word of this accuser. */
function doubtsAboutAccuser(name: string, { probes, stalls, accusedAt: began }: Incident): readonly string[] {
  const probe = probes.get(name);
  if (probe === undefined) return [];
  const { lateness, at: when } = stalls.get(name) ?? { lateness: 0, at: began };
  const doubts: string[] = [];
  if (probe.latenessMs >= LATE && probe.latenessMs >= lateness)
    doubts.push(`${name} itself was ${formatSpan(probe.latenessMs)} late`);
  else if (lateness >= LATE)
    doubts.push(
      `${name} itself was ${formatSpan(lateness)} late ${formatSpan(Math.max(0, began - when))} before`,
    );
  if (probe.awareness >= UNWELL)
    doubts.push(`${name} itself was unwell (health ${probe.awareness}, 0 is well)`);
  if (probe.helpers.length > 0 && probe.nacks === 0)
    doubts.push(`nobody whom ${name} asked for help answered it`);
  return doubts;
}

function formatClean({
  node,
  self,
  status,
  since,
  entries: statements,
  formatTime: clock,
  witnesses: answered,
}: DiagnosisInput): string {
  const others = [...answered].filter((name) => name !== self).length;
  const asked =
    others === 0
      ? ' (nobody else told anything)'
      : ` and by ${others} other ${others === 1 ? 'agent' : 'agents'}`;
  const stalls = statements.filter(({ by, fact }) => by === node && fact.kind === 'stalled');
  const worst = Math.max(0, ...stalls.map(({ fact }) => (fact.kind === 'stalled' ? fact.latenessMs : 0)));
  const late = worst > 0 ? `, though it was up to ${formatSpan(worst)} late` : '';
  const state = status === undefined ? 'it is no member' : `${status}${formatAt(clock, since, 'since')}`;
  return `nothing is said against ${node} by ${self}${asked}${late}: ${state}`;
}
