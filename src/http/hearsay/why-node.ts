/**
 * `why/:node` as JSON: the evidence about one node, of this agent and of the witnesses it queries, with the diagnosis
 * on it. Each statement is attributed to the agent that made it.
 */
import type {
  Cause,
  EvidenceFact,
  Finding,
  Investigation,
  NodeReport,
} from '../../agent/contract/evidence.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { OnDisconnect } from '../endpoint/blocking.ts';
import { HttpError } from '../endpoint/reply/reply.ts';
import type { Site } from '../endpoint/site.ts';

const HALF_A_DAY: Millis = 43_200_000;

/** What the witness query returned. */
export interface WitnessesJson {
  /** Agents that answered; most have nothing to report. */
  readonly answered: readonly string[];
  /** Agents whose answer could not be read. */
  readonly unreadable: readonly string[];
  /** Why no witness could be queried; null: they were. */
  readonly error: string | null;
}

export interface WhyNodeReport {
  readonly node: string;
  readonly status: NodeReport['status'] | null;
  readonly diagnosis: string;
  readonly finding: Finding;
  readonly accusation: NodeReport['accusation'] | null;
  /** What the accusation came from; null: there was none, or it is not known. */
  readonly cause: Cause | null;
  readonly witnesses: WitnessesJson | null;
  /** Older entries of this agent's own that were evicted. */
  readonly dropped: number;
  readonly evidence: readonly object[];
}

/** Throws `AgentError('notFound')` if no such node has ever been seen. `timeout` absent: no witness is queried. */
export async function explainNode(
  site: Site,
  name: string,
  timeout: Millis | undefined,
  onDisconnect: OnDisconnect,
): Promise<WhyNodeReport> {
  const { view } = site.agent;
  const node = view.member(name)?.name ?? name;
  const inquiry = timeout === undefined ? undefined : await investigate(site, node, timeout, onDisconnect);
  const formatTime = (at: Millis): string => formatShortTime(toWallTime(site, at), site.wallClock());
  const report = view.diagnose(node, formatTime, inquiry?.investigation);
  if (report === undefined)
    throw new AgentError(
      'notFound',
      `no node called "${name}" has ever been seen: \`hearsay members\` lists all names`,
    );
  return {
    node,
    status: report.status ?? null,
    diagnosis: report.sentence,
    finding: report.finding,
    accusation: report.accusation ?? null,
    cause: report.cause ?? null,
    witnesses: inquiry === undefined ? null : toWitnessesJson(inquiry),
    dropped: report.dropped,
    evidence: report.entries.map((entry) => toEntryJson(entry, site)),
  };
}

/** What an investigation has brought, and why it brought nothing more. */
interface Inquiry {
  readonly investigation?: Investigation | undefined;
  readonly error?: string;
}

/** Never rejects for a failed query: the report then has the evidence of this agent alone. */
async function investigate(
  { agent, blockingQueries }: Site,
  node: string,
  timeout: Millis,
  onDisconnect: OnDisconnect,
): Promise<Inquiry> {
  let investigation: Investigation | undefined;
  try {
    investigation = await agent.execute({ kind: 'queryWitnesses', node, timeout });
    const { id } = investigation;
    const isRunning = (): boolean => {
      investigation = agent.view.investigation(id) ?? investigation;
      return investigation?.finished === false;
    };
    await blockingQueries.waitWhile(isRunning, [`query:${id}`], 2 * timeout, onDisconnect);
    return { investigation };
  } catch (error) {
    if (!(error instanceof AgentError || error instanceof HttpError)) throw error;
    return { investigation, error: error.message };
  }
}

const toWitnessesJson = ({ investigation, error }: Inquiry): WitnessesJson => ({
  answered: investigation?.answered ?? [],
  unreadable: investigation?.unreadable ?? [],
  error: error ?? null,
});

function toEntryJson(entry: NodeReport['entries'][number], site: Site): object {
  const { at, lastAt, count, by, fact, message } = entry;
  return {
    at: toWallTime(site, at).toISOString(),
    agoMs: Math.max(0, Math.round(site.monotonicClock() - at)),
    observer: by,
    message,
    ...(count > 1 ? { count, lastAt: toWallTime(site, lastAt).toISOString() } : {}),
    ...toFactJson(fact, at),
  };
}

/** Instants inside a fact are on this agent's monotonic clock, which means nothing to clients: they become spans. */
function toFactJson(fact: EvidenceFact, at: Millis): object {
  if ('deadline' in fact) {
    const { deadline, ...rest } = fact;
    return { ...rest, deadlineMs: Math.round(deadline - at) };
  }
  if (fact.kind !== 'unrefutableAccusation') return fact;
  const { until, ...rest } = fact;
  return { ...rest, untilMs: Math.round(until - at) };
}

const toWallTime = ({ wallClock, monotonicClock }: Site, at: Millis): Date =>
  new Date(wallClock() - (monotonicClock() - at));

/** `12:00:04Z`, with its day if it is more than half a day ago. */
function formatShortTime(when: Date, now: number): string {
  const [day = '', time = ''] = when.toISOString().split('T');
  const clock = `${time.slice(0, 8)}Z`;
  return now - when.getTime() < HALF_A_DAY ? clock : `${day} ${clock}`;
}
