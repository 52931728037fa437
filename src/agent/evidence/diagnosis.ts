/**
 * The verdict on a member, in one sentence: what it is taken for, who said so first, what they saw, how well they were
 * themselves, and whether that is likely true. A statement for people: nothing is decided by it.
 */
import type { Millis } from '../../base/time.ts';
import type { ProbeReason } from '../../swim/types.ts';
import type { Statement } from '../contract/evidence.ts';
import { at, besides, fellows, last, type Matter, nameAt, type Part, type Verdict } from './findings.ts';
import { type Episode, lastEpisode } from './incident.ts';
import { listed, span, tried } from './wording.ts';

/** Lateness in a round that may have cost an answer. */
const LATE: Millis = 100;
/** Health from which the accuser's word is doubtful. */
const UNWELL = 2;

export function judge(matter: Matter): Verdict {
  const parts = [standing(matter), ...besides(matter)].filter((part) => part !== undefined);
  const [first, ...others] = parts;
  if (first === undefined) return { finding: 'clean', sentence: nothingSaid(matter), likely: undefined };
  const { finding, likely } = first;
  return { finding, likely, sentence: [first, ...others].map(({ clause }) => clause).join('; ') };
}

/** What it is, or was last accused of. */
function standing(matter: Matter): Part | undefined {
  const { node, self, status, statements } = matter;
  if (status === 'left' || status === 'leaving') return gone(matter, status);
  const episode = lastEpisode(statements, node, self);
  if (episode !== undefined) return accused(matter, episode);
  return status === undefined ? gone(matter, 'left') : undefined;
}

function gone({ node, status, statements, since, clock }: Matter, as: 'left' | 'leaving'): Part | undefined {
  const left = last(statements, 'memberDeclaredDead', ({ left: own }) => own);
  const failed = last(statements, 'memberDeclaredDead', ({ left: own }) => !own);
  if (as === 'leaving') {
    const said = last(statements, 'memberLeaving');
    return { finding: 'leaving', clause: `is leaving, by its own word${at(clock, said?.at ?? since)}` };
  }
  if (left !== undefined && (failed === undefined || failed.at < left.at))
    return { finding: 'left', clause: `left by its own word${at(clock, left.at)}` };
  if (failed !== undefined && status === 'left') {
    const told = last(statements, 'memberLeft');
    const when = `${at(clock, failed.at)}, and an operator had it forgotten${at(clock, told?.at)}`;
    return { finding: 'forgotten', clause: `was declared failed by ${failed.fact.by}${when}` };
  }
  return status === 'left' ? { finding: 'left', clause: `${node} left${at(clock, since)}` } : undefined;
}

function accused(matter: Matter, episode: Episode): Part {
  const { status } = matter;
  const seen = account(matter, episode);
  if (episode.end !== undefined && status !== 'failed' && status !== 'suspect')
    return ended(matter, episode, episode.end, seen);
  const { initiator, death, began } = episode;
  const { clock } = matter;
  if (death === undefined && status !== 'failed') {
    const clause = `suspected by ${initiator}${at(clock, began)}: ${seen.clause}${CONCLUSIONS[seen.likely]}`;
    return { finding: 'suspected', likely: seen.likely, clause };
  }
  const { by, at: when } = death ?? { by: initiator, at: began };
  const first = by === initiator ? '' : `, suspected first by ${initiator}`;
  const declared = `declared failed by ${by}${at(clock, when)}${first}: ${seen.clause}`;
  const together = fellows(matter, when);
  if (together.length > 0 && seen.likely === 'true') {
    const clause = `${declared}; ${listed(together)} failed at the same time, so it may be the network`;
    return { finding: 'failed', likely: 'unclear', clause };
  }
  return { finding: 'failed', likely: seen.likely, clause: `${declared}${CONCLUSIONS[seen.likely]}` };
}

/** It refuted, or came back. Whether it had been gone only it knows. */
function ended({ clock, node, self }: Matter, episode: Episode, end: Statement, seen: Account): Part {
  const { initiator, death, began, started, stalls } = episode;
  const startedAt = started.get(node);
  const when = death?.at ?? began;
  const by = death === undefined ? `suspected by ${initiator}` : `declared failed by ${death.by}`;
  const was = `was ${by}${at(clock, when)}: ${seen.clause}`;
  const finding = death === undefined ? 'refuted' : 'returned';
  if (startedAt !== undefined && startedAt > began)
    return { finding, likely: 'true', clause: `${was}; it was started anew${at(clock, startedAt)}` };
  if (startedAt === undefined && death !== undefined) {
    const clause = `${was}; it is back${at(clock, end.at, 'since')}, and has not told whether it ran all along`;
    return { finding, likely: seen.likely === 'false' ? 'false' : 'unclear', clause };
  }
  const stalled = stalls.get(node);
  const who = self === node ? 'this agent' : 'it';
  const cause =
    stalled === undefined
      ? ''
      : `, but had been ${span(stalled.lateness)} late itself, so its answers did not come`;
  const after = end.at - began < 1 ? '' : ` after ${span(end.at - began)}`;
  return { finding, likely: 'false', clause: `${was}; ${who} refuted that${after}${cause}: a false alarm` };
}

const CONCLUSIONS = { true: ', so likely true', false: ', so likely false', unclear: '' } as const;

interface Account {
  readonly clause: string;
  readonly likely: 'true' | 'false' | 'unclear';
}

/** What the accusers saw, and how far they are to be believed. */
function account(matter: Matter, episode: Episode): Account {
  const { initiator, probes, tables } = episode;
  const doubts = doubtsAbout(initiator, episode);
  const sound = [...probes.keys()].filter(
    (name) => name !== initiator && doubtsAbout(name, episode).length === 0,
  );
  const seconded = sound.length === 0 ? '' : `, and ${listed(sound)} found the same`;
  const probe = probes.get(initiator);
  if (probe !== undefined) {
    const likely = doubts.length === 0 || sound.length > 0 ? 'true' : 'false';
    if (doubts.length === 0) return { clause: `${tried(probe)}${seconded}`, likely };
    const but = sound.length === 0 ? '' : `, but ${listed(sound)} found the same`;
    return { clause: `${tried(probe)}; ${doubts.join(' and ')}${but}`, likely };
  }
  const table = tables.get(initiator);
  if (table !== undefined)
    return {
      clause: `a full exchange with ${nameAt(matter, table) ?? table} said so${seconded}`,
      likely: 'unclear',
    };
  const [witness, ...others] = sound;
  if (witness !== undefined) {
    const found = tried(probes.get(witness) as ProbeReason);
    const same = others.length === 0 ? '' : `, and ${listed(others)} found the same`;
    return { clause: `for ${witness} ${found}${same}`, likely: 'true' };
  }
  return hearsayOnly(matter, episode);
}

/** Nobody is known to have seen anything. Who ran at that time, and knows of no probe, made none. */
function hearsayOnly(matter: Matter, { initiator, source, began, started }: Episode): Account {
  const { self, answered } = matter;
  const stranger = source !== undefined && source !== '' && nameAt(matter, source) === undefined;
  const from = stranger ? `the word came from ${source}, where no member lives, and ` : '';
  const ranAt = started.get(initiator);
  const who = initiator === self ? 'this agent' : initiator;
  if (ranAt !== undefined && ranAt < began)
    return { clause: `${from}${who} knows of no such probe: forged in its name`, likely: 'false' };
  if (answered.has(initiator) || initiator === self)
    return { clause: `${from}${who} was started anew, and knows nothing of it`, likely: 'unclear' };
  return { clause: `${from}what ${initiator} saw is not known here`, likely: 'unclear' };
}

/** Clauses that speak against the word of this accuser. */
function doubtsAbout(name: string, { probes, stalls, began }: Episode): readonly string[] {
  const probe = probes.get(name);
  if (probe === undefined) return [];
  const { lateness, at: when } = stalls.get(name) ?? { lateness: 0, at: began };
  const doubts: string[] = [];
  if (probe.lateness >= LATE && probe.lateness >= lateness)
    doubts.push(`${name} itself was ${span(probe.lateness)} late`);
  else if (lateness >= LATE)
    doubts.push(`${name} itself was ${span(lateness)} late ${span(Math.max(0, began - when))} before`);
  if (probe.awareness >= UNWELL)
    doubts.push(`${name} itself was unwell (health ${probe.awareness}, 0 is well)`);
  if (probe.through.length > 0 && probe.nacks === 0)
    doubts.push(`nobody whom ${name} asked for help answered it`);
  return doubts;
}

function nothingSaid({ node, self, status, since, statements, clock, answered }: Matter): string {
  const others = [...answered].filter((name) => name !== self).length;
  const asked =
    others === 0
      ? ' (nobody else told anything)'
      : ` and by ${others} other ${others === 1 ? 'agent' : 'agents'}`;
  const stalls = statements.filter(({ by, fact }) => by === node && fact.kind === 'stalled');
  const worst = Math.max(0, ...stalls.map(({ fact }) => (fact.kind === 'stalled' ? fact.lateness : 0)));
  const late = worst > 0 ? `, though it was up to ${span(worst)} late` : '';
  const state = status === undefined ? 'it is no member' : `${status}${at(clock, since, 'since')}`;
  return `nothing is said against ${node} by ${self}${asked}${late}: ${state}`;
}
