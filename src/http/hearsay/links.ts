/** Measured ways between agents as JSON, and who measures them when. Field names are a contract. */
import type { LinkReport, LinkSurvey } from '../../agent/contract/links.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { CAPABILITY, CAPABILITY_TAG } from '../../model/capability.ts';
import type { OnDisconnect } from '../endpoint/blocking.ts';
import { arrayOf, decimal, nullable, number, object, string, type ValueOf } from '../endpoint/schema.ts';
import type { Site } from '../endpoint/site.ts';

const LINK_SCHEMA = object({
  ...{ from: string, to: string, sent: number, answered: number, heard: number, heardBack: number },
  ...{ longest: number, blocked: number, roundTripMs: nullable(decimal), clockAheadMs: nullable(decimal) },
  ...{ seenFrom: string, tcp: nullable(string), agoMs: number },
});
export type LinkJson = ValueOf<typeof LINK_SCHEMA>;

const round = (millis: Millis | undefined): number | null =>
  millis === undefined ? null : Math.round(millis * 100) / 100;

export const toLinkJson = (link: LinkReport, now: Millis): LinkJson => {
  const { from, to, sent, answered, heard, heardBack, longest, blocked, seenFrom } = link;
  return {
    ...{ from, to, sent, answered, heard, heardBack, longest, blocked },
    ...{ roundTripMs: round(link.roundTrip), clockAheadMs: round(link.clockAhead) },
    ...{ seenFrom, tcp: link.tcp ?? null, agoMs: Math.max(0, Math.round(now - link.at)) },
  };
};

/** Members that are measured at a time, the one whose measurement is oldest first, and the time between two such turns. */
const PER_TURN = 6;
const TURN: Millis = 2000;

const measuredAt = new WeakMap<Site['agent'], Millis>();

/** Measures the ways to a few members, unless that was done lately. */
export function measureSome(site: Site): void {
  const { agent } = site;
  const now = site.monotonicClock();
  if (now - (measuredAt.get(agent) ?? Number.NEGATIVE_INFINITY) < TURN) return;
  measuredAt.set(agent, now);
  const last = new Map(agent.view.links().map(({ to, at }) => [to, at]));
  const nodes = agent.view
    .members()
    .filter((member) => member.name !== agent.view.node && isUp(member) && takesPart(member))
    .map(({ name }) => ({ name, at: last.get(name) ?? Number.NEGATIVE_INFINITY }))
    .sort((a, b) => a.at - b.at)
    .slice(0, PER_TURN)
    .map(({ name }) => name);
  if (nodes.length > 0) agent.execute({ kind: 'testLinks', nodes }).catch(() => undefined); // it is stopping
}

const isUp = ({ status }: MemberView): boolean => status === 'alive' || status === 'suspect';
const takesPart = ({ tags }: MemberView): boolean => tags.get(CAPABILITY_TAG) === CAPABILITY;

export const PAIRS_SCHEMA = object({
  /** Agents that were asked, those of them that have not reported, and members that are no agents of hearsay. */
  asked: arrayOf(string),
  silent: arrayOf(string),
  outside: arrayOf(string),
  pairs: arrayOf(LINK_SCHEMA),
});
export type PairsJson = ValueOf<typeof PAIRS_SCHEMA>;

/** A survey has two steps: all measure, then all report. The word to begin takes longer to reach many. */
const measuringTime = (agents: number): Millis => 1400 + 150 * Math.log2(agents + 1);
const REPORTING: Millis = 2000;
/** One survey at a time, and what it brought is used again for so long: whoever may read cannot make agents send for ever. */
const KEPT: Millis = 1000;

interface Survey {
  readonly pairs: Promise<PairsJson>;
  /** Absent: it is running. */
  endedAt?: Millis;
}

const surveys = new WeakMap<Site['agent'], Survey>();

/** The ways between the agents, each to `count` others. */
export function surveyPairs(site: Site, count: number, onDisconnect: OnDisconnect): Promise<PairsJson> {
  const known = surveys.get(site.agent);
  const isOld = known?.endedAt !== undefined && site.monotonicClock() - known.endedAt > KEPT;
  if (known !== undefined && !isOld) return known.pairs;
  const next: Survey = { pairs: survey(site, count, onDisconnect) };
  surveys.set(site.agent, next);
  next.pairs.then(
    () => {
      next.endedAt = site.monotonicClock();
    },
    () => surveys.delete(site.agent),
  );
  return next.pairs;
}

async function survey(site: Site, count: number, onDisconnect: OnDisconnect): Promise<PairsJson> {
  const { agent, blockingQueries } = site;
  await agent.execute({ kind: 'surveyLinks', count });
  const span = measuringTime(agent.view.members().length);
  const end = site.monotonicClock() + span;
  await blockingQueries.waitWhile(() => site.monotonicClock() < end, [], span, onDisconnect);
  const { id } = await agent.execute({ kind: 'surveyLinks', count: 0 });
  const read = (): LinkSurvey | undefined => agent.view.linkSurvey(id);
  await blockingQueries.waitWhile(() => read()?.finished === false, [`query:${id}`], REPORTING, onDisconnect);
  const found = read();
  if (found === undefined) throw new AgentError('failed', 'the survey of links is gone: ask again');
  const outside = agent.view.members().filter((member) => isUp(member) && !takesPart(member));
  return {
    asked: [...found.expected],
    silent: found.expected.filter((name) => !found.answered.includes(name)),
    outside: outside.map(({ name }) => name),
    pairs: found.links.map((link) => toLinkJson(link, site.monotonicClock())),
  };
}
