/**
 * The story of one member: what this agent kept, what other agents of our kind answer when they are asked, and the
 * verdict on both. Whatever another says is shown as its word.
 */

import type { Evident, Statement } from '../../agent/contract/evidence.ts';
import type { MemberView } from '../../agent/contract/view.ts';
import { judge } from '../../agent/evidence/diagnosis.ts';
import { type Finding, type Heard, matterOf, type Verdict } from '../../agent/evidence/findings.ts';
import { readTestimony } from '../../agent/evidence/witness-report.ts';
import { says } from '../../agent/evidence/wording.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { AskedQuestion, QuestionId } from '../../serf/types.ts';
import type { Gone } from '../endpoint/blocking.ts';
import { Refusal } from '../endpoint/reply/reply.ts';
import type { Site } from '../endpoint/site.ts';

/** Agents whose part is told; more would be no story. */
const MAX_TELLERS = 64;
const DAY: Millis = 86_400_000;

const NOBODY: Heard = { statements: [], answered: [] };

/** What came of asking. */
export interface Inquiry {
  /** Who answered at all; most have nothing to tell. */
  readonly answered: readonly string[];
  /** Whose answer nobody can read. */
  readonly unreadable: readonly string[];
  /** Why nobody was asked; null: they were. */
  readonly why: string | null;
}

export interface Story {
  readonly node: string;
  readonly status: MemberView['status'] | null;
  readonly verdict: string;
  readonly finding: Finding;
  readonly likely: Verdict['likely'] | null;
  readonly asked: Inquiry | null;
  /** Older events of ours that had to make room. */
  readonly dropped: number;
  readonly events: readonly object[];
}

/** Throws `AgentError('notFound')` if nobody has ever heard of it. `timeout` absent: others are not asked. */
export async function storyOf(
  site: Site,
  asked: string,
  timeout: Millis | undefined,
  gone: Gone,
): Promise<Story> {
  const { view } = site.door;
  const node = view.member(asked)?.name ?? asked;
  const heard = timeout === undefined ? undefined : await inquire(site, node, timeout, gone);
  // Read after the wait: something may have happened meanwhile.
  const dossier = view.evidence(node);
  const clock = (at: Millis): string => shortTime(wallTime(site, at), site.now());
  const matter = matterOf(view, node, heard ?? NOBODY, clock);
  const { status, statements } = matter;
  if (status === undefined && !statements.some(isAbout(node)))
    throw new AgentError('notFound', `no node called "${asked}" has ever been seen: see the list of members`);
  const { sentence, finding, likely } = judge(matter);
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
    events: statements.filter(isAbout(node)).map((one) => eventOf(one, node, site)),
  };
}

/** The parts of others, each with the time it arrived; what is known here is told also when nobody could be asked. */
async function inquire(
  site: Site,
  node: string,
  timeout: Millis,
  gone: Gone,
): Promise<Heard & { readonly inquiry: Inquiry }> {
  const { door, watchers, clock } = site;
  const parts = new Parts(door.view.node, node);
  try {
    const { id } = await door.ask({ kind: 'inquire', node, timeout });
    const goesOn = (): boolean => {
      const question = door.view.question(id);
      parts.take(question, clock());
      return question?.finished === false;
    };
    await watchers.while(goesOn, [topicOf(id)], 2 * timeout, gone);
  } catch (error) {
    if (!(error instanceof AgentError || error instanceof Refusal)) throw error;
    return { ...parts.heard, inquiry: { ...parts.inquiry, why: error.message } };
  }
  return { ...parts.heard, inquiry: parts.inquiry };
}

const topicOf = (id: QuestionId): `question:${QuestionId}` => `question:${id}`;

/** What has come of a query so far, read as it comes. */
class Parts {
  readonly #statements: Statement[] = [];
  readonly #self: string;
  readonly #node: string;
  readonly #answered = new Set<string>();
  readonly #unreadable = new Set<string>();
  #tellers = 0;

  constructor(self: string, node: string) {
    this.#self = self;
    this.#node = node;
  }

  get inquiry(): Inquiry {
    return { answered: [...this.#answered].sort(), unreadable: [...this.#unreadable].sort(), why: null };
  }

  get heard(): Heard {
    return { statements: this.#statements, answered: [...this.#answered] };
  }

  take(question: AskedQuestion | undefined, now: Millis): void {
    for (const { from, payload } of question?.responses ?? []) {
      if (from === this.#self || this.#answered.has(from) || this.#unreadable.has(from)) continue;
      const part = readTestimony(payload, from, this.#node, now);
      if (part === undefined) this.#unreadable.add(from);
      else this.#answered.add(from);
      if (part === undefined) continue;
      // That it has nothing to tell is told by all.
      if (part.some(isAbout(this.#node))) this.#tellers += 1;
      if (this.#tellers <= MAX_TELLERS) this.#statements.push(...part);
    }
  }
}

/** Not only when the teller was started. */
const isAbout =
  (node: string) =>
  ({ by, fact }: Statement): boolean =>
    fact.kind !== 'agentStarted' || by === node;

function eventOf(statement: Statement, node: string, site: Site): object {
  const { at, lastAt, times, by, fact } = statement;
  return {
    at: wallTime(site, at).toISOString(),
    agoMs: Math.max(0, Math.round(site.clock() - at)),
    seenBy: by,
    says: says(statement, node),
    ...(times > 1 ? { times, lastAt: wallTime(site, lastAt).toISOString() } : {}),
    ...spans(fact, at),
  };
}

/** Instants of the fact itself, which are of this agent's own clock, become spans. */
function spans(fact: Evident, at: Millis): object {
  if ('deadline' in fact) {
    const { deadline, ...rest } = fact;
    return { ...rest, deadlineMs: Math.round(deadline - at) };
  }
  if (fact.kind !== 'exiled') return fact;
  const { until, ...rest } = fact;
  return { ...rest, untilMs: Math.round(until - at) };
}

const wallTime = ({ now, clock }: Site, at: Millis): Date => new Date(now() - (clock() - at));

/** `12:00:04Z`, with its day if that is not today's. */
function shortTime(when: Date, now: number): string {
  const [day = '', time = ''] = when.toISOString().split('T');
  const clock = `${time.slice(0, 8)}Z`;
  return now - when.getTime() < DAY / 2 ? clock : `${day} ${clock}`;
}
