/**
 * The story of one member: what this agent kept, what other agents of our kind answer when they are asked, and the
 * verdict on both. Whatever another says is shown as its word.
 */

import type { AttributedEntry, EvidenceFact } from '../../agent/contract/evidence.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import { diagnose } from '../../agent/evidence/diagnosis.ts';
import {
  buildDiagnosisInput,
  type Diagnosis,
  type Finding,
  type WitnessEvidence,
} from '../../agent/evidence/findings.ts';
import { readWitnessReport } from '../../agent/evidence/witness-report.ts';
import { formatEntry } from '../../agent/evidence/wording.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { QueryId, QueryReport } from '../../serf/types.ts';
import type { OnDisconnect } from '../endpoint/blocking.ts';
import { HttpError } from '../endpoint/reply/reply.ts';
import type { Site } from '../endpoint/site.ts';

/** Agents whose part is told; more would be no story. */
const MAX_WITNESSES = 64;
const DAY: Millis = 86_400_000;

const NO_WITNESSES: WitnessEvidence = { entries: [], witnesses: [] };

/** What came of asking. */
export interface WitnessQueryResult {
  /** Who answered at all; most have nothing to tell. */
  readonly answered: readonly string[];
  /** Whose answer nobody can read. */
  readonly unreadable: readonly string[];
  /** Why nobody was asked; null: they were. */
  readonly why: string | null;
}

export interface WhyNodeReport {
  readonly node: string;
  readonly status: MemberView['status'] | null;
  readonly verdict: string;
  readonly finding: Finding;
  readonly likely: Diagnosis['likely'] | null;
  readonly asked: WitnessQueryResult | null;
  /** Older events of ours that had to make room. */
  readonly dropped: number;
  readonly events: readonly object[];
}

/** Throws `AgentError('notFound')` if nobody has ever heard of it. `timeout` absent: others are not asked. */
export async function explainNode(
  site: Site,
  asked: string,
  timeout: Millis | undefined,
  gone: OnDisconnect,
): Promise<WhyNodeReport> {
  const { view } = site.agent;
  const node = view.member(asked)?.name ?? asked;
  const heard = timeout === undefined ? undefined : await collectWitnessReports(site, node, timeout, gone);
  // Read after the wait: something may have happened meanwhile.
  const dossier = view.evidence(node);
  const clock = (at: Millis): string => shortTime(wallTime(site, at), site.wallClock());
  const matter = buildDiagnosisInput(view, node, heard ?? NO_WITNESSES, clock);
  const { status, entries: statements } = matter;
  if (status === undefined && !statements.some(isAbout(node)))
    throw new AgentError('notFound', `no node called "${asked}" has ever been seen: see the list of members`);
  const { sentence, finding, likely } = diagnose(matter);
  return {
    ...{
      node,
      status: status ?? null,
      verdict: sentence,
      finding,
      likely: likely ?? null,
    },
    asked: heard?.inquiry ?? null,
    dropped: dossier?.dropped ?? 0,
    events: statements.filter(isAbout(node)).map((one) => toEventJson(one, node, site)),
  };
}

/** The parts of others, each with the time it arrived; what is known here is told also when nobody could be asked. */
async function collectWitnessReports(
  site: Site,
  node: string,
  timeout: Millis,
  gone: OnDisconnect,
): Promise<WitnessEvidence & { readonly inquiry: WitnessQueryResult }> {
  const { agent: door, blockingQueries: watchers, monotonicClock: clock } = site;
  const parts = new WitnessReportCollector(door.view.node, node);
  try {
    const { id } = await door.execute({ kind: 'queryWitnesses', node, timeout });
    const goesOn = (): boolean => {
      const question = door.view.queryReport(id);
      parts.receive(question, clock());
      return question?.finished === false;
    };
    await watchers.waitWhile(goesOn, [queryTopic(id)], 2 * timeout, gone);
  } catch (error) {
    if (!(error instanceof AgentError || error instanceof HttpError)) throw error;
    return { ...parts.reports, inquiry: { ...parts.result, why: error.message } };
  }
  return { ...parts.reports, inquiry: parts.result };
}

const queryTopic = (id: QueryId): `question:${QueryId}` => `question:${id}`;

/** What has come of a query so far, read as it comes. */
class WitnessReportCollector {
  readonly #statements: AttributedEntry[] = [];
  readonly #self: string;
  readonly #node: string;
  readonly #answered = new Set<string>();
  readonly #unreadable = new Set<string>();
  #witnesses = 0;

  constructor(self: string, node: string) {
    this.#self = self;
    this.#node = node;
  }

  get result(): WitnessQueryResult {
    return { answered: [...this.#answered].sort(), unreadable: [...this.#unreadable].sort(), why: null };
  }

  get reports(): WitnessEvidence {
    return { entries: this.#statements, witnesses: [...this.#answered] };
  }

  receive(question: QueryReport | undefined, now: Millis): void {
    for (const { from, payload } of question?.responses ?? []) {
      if (from === this.#self || this.#answered.has(from) || this.#unreadable.has(from)) continue;
      const part = readWitnessReport(payload, from, this.#node, now);
      if (part === undefined) this.#unreadable.add(from);
      else this.#answered.add(from);
      if (part === undefined) continue;
      // That it has nothing to tell is told by all.
      if (part.some(isAbout(this.#node))) this.#witnesses += 1;
      if (this.#witnesses <= MAX_WITNESSES) this.#statements.push(...part);
    }
  }
}

/** Not only when the teller was started. */
const isAbout =
  (node: string) =>
  ({ by, fact }: AttributedEntry): boolean =>
    fact.kind !== 'agentStarted' || by === node;

function toEventJson(statement: AttributedEntry, node: string, site: Site): object {
  const { at, lastAt, times, by, fact } = statement;
  return {
    at: wallTime(site, at).toISOString(),
    agoMs: Math.max(0, Math.round(site.monotonicClock() - at)),
    seenBy: by,
    says: formatEntry(statement, node),
    ...(times > 1 ? { times, lastAt: wallTime(site, lastAt).toISOString() } : {}),
    ...spans(fact, at),
  };
}

/** Instants of the fact itself, which are of this agent's own clock, become spans. */
function spans(fact: EvidenceFact, at: Millis): object {
  if ('deadline' in fact) {
    const { deadline, ...rest } = fact;
    return { ...rest, deadlineMs: Math.round(deadline - at) };
  }
  if (fact.kind !== 'unrefutableAccusation') return fact;
  const { until, ...rest } = fact;
  return { ...rest, untilMs: Math.round(until - at) };
}

const wallTime = ({ wallClock: now, monotonicClock: clock }: Site, at: Millis): Date =>
  new Date(now() - (clock() - at));

/** `12:00:04Z`, with its day if that is not today's. */
function shortTime(when: Date, now: number): string {
  const [day = '', time = ''] = when.toISOString().split('T');
  const clock = `${time.slice(0, 8)}Z`;
  return now - when.getTime() < DAY / 2 ? clock : `${day} ${clock}`;
}
