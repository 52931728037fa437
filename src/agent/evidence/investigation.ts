/**
 * Investigations: each asks all agents what they saw of one node, collects their witness reports, and ends in a
 * diagnosis on these and our own evidence. A diagnosis is a statement for people: nothing is decided by it.
 */
import { assert } from '../../base/assert.ts';
import type { Millis } from '../../base/time.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryId, QueryReport, SerfEffect } from '../../serf/types.ts';
import type { AttributedEntry, EvidenceKind, Investigation, NodeReport } from '../contract/evidence.ts';
import type { View } from '../contract/view.ts';
import { diagnose } from './diagnosis.ts';
import { buildDiagnosisInput } from './findings.ts';
import type { EvidenceLog } from './log.ts';
import { startWitnessQuery } from './witness-query.ts';
import { readWitnessReport } from './witness-report.ts';
import { formatEntry } from './wording.ts';

/** Investigations that are retained; the oldest that has ended is dropped first. Serf limits how many run at once. */
const MAX_RETAINED = 32;
/** Witnesses whose entries are used, and as many that only heard of it: more than a reader can take in. */
const MAX_WITNESSES = 64;

export class Investigations {
  readonly #serf: Serf;
  readonly #evidence: EvidenceLog;
  readonly #self: string;
  readonly #collectors = new Map<QueryId, WitnessReportCollector>();

  /** `self`: this agent's own name. */
  constructor(serf: Serf, evidence: EvidenceLog, self: string) {
    this.#serf = serf;
    this.#evidence = evidence;
    this.#self = self;
  }

  /** A new object whenever a report has come; `undefined`: unknown, or dropped. */
  get(id: QueryId): Investigation | undefined {
    return this.#collectors.get(id)?.investigation;
  }

  /** Throws `AgentError`; then no agent was queried. */
  start(node: string, timeout: Millis, now: Millis, out: SerfEffect[]): Investigation {
    const query = startWitnessQuery({ serf: this.#serf, evidence: this.#evidence }, node, timeout, now, out);
    for (const [id, { finished }] of this.#collectors)
      if (this.#collectors.size >= MAX_RETAINED && finished) this.#collectors.delete(id);
    const collector = new WitnessReportCollector(this.#self, node, query, now);
    this.#collectors.set(query.id, collector);
    return collector.investigation;
  }

  /** A response has come to a query of ours, or the query has ended; queries that are no investigation are ignored. */
  onQueryUpdated(query: QueryReport, now: Millis): void {
    this.#collectors.get(query.id)?.update(query, now);
  }
}

/** The witness reports of one query, each read as it arrives: its times are relative to that moment. */
export class WitnessReportCollector {
  readonly #self: string;
  readonly #node: string;
  readonly #id: QueryId;
  readonly #answered = new Set<string>();
  readonly #unreadable = new Set<string>();
  readonly #entries: AttributedEntry[] = [];
  /** Responses read so far; a query report only appends. */
  #readCount = 0;
  /** Agents that saw something of the node themselves, and those that heard of it. */
  #witnessCount = 0;
  #hearerCount = 0;
  #finished = false;
  #investigation: Investigation | undefined;

  constructor(self: string, node: string, query: QueryReport, now: Millis) {
    this.#self = self;
    this.#node = node;
    this.#id = query.id;
    this.update(query, now);
  }

  get finished(): boolean {
    return this.#finished;
  }

  get investigation(): Investigation {
    this.#investigation ??= {
      id: this.#id,
      node: this.#node,
      finished: this.#finished,
      answered: [...this.#answered].sort(),
      unreadable: [...this.#unreadable].sort(),
      entries: [...this.#entries],
    };
    return this.#investigation;
  }

  update({ responses, finished }: QueryReport, now: Millis): void {
    // Invariant: a query report only grows, so what was read once is not read with a later time.
    assert(responses.length >= this.#readCount, 'a query that has lost a response');
    for (const { from, payload } of responses.slice(this.#readCount)) this.#read(from, payload, now);
    this.#readCount = responses.length;
    this.#finished = finished;
    this.#investigation = undefined;
  }

  #read(from: string, payload: Uint8Array, now: Millis): void {
    if (from === this.#self || this.#answered.has(from) || this.#unreadable.has(from)) return;
    const entries = readWitnessReport(payload, from, this.#node, now);
    if (entries === undefined) {
      this.#unreadable.add(from);
      return;
    }
    this.#answered.add(from);
    const isHearer = entries.every((entry) => !isAbout(this.#node)(entry) || isHeard(entry));
    if (isHearer) this.#hearerCount += entries.some(isAbout(this.#node)) ? 1 : 0;
    else this.#witnessCount += 1;
    const count = isHearer ? this.#hearerCount : this.#witnessCount;
    if (count <= MAX_WITNESSES) this.#entries.push(...entries);
  }
}

const NO_REPORTS: Pick<Investigation, 'entries' | 'answered'> = { entries: [], answered: [] };

/**
 * All evidence about a node, ours and that of `investigation`, with the diagnosis on it; `undefined`: no node of this
 * name has ever been seen. `formatTime` writes an instant of this agent's monotonic clock for people.
 */
export function reportOnNode(
  view: View,
  node: string,
  formatTime: (at: Millis) => string,
  investigation: Investigation | undefined,
): NodeReport | undefined {
  const input = buildDiagnosisInput(view, node, investigation ?? NO_REPORTS, formatTime);
  const seers = new Set(input.entries.flatMap((entry) => (isHeard(entry) ? [] : [entry.by])));
  const entries = input.entries
    .filter(isAbout(node))
    .filter((entry) => entry.by === view.node || (seers.has(entry.by) && !isHeardAccusation(entry)));
  if (input.status === undefined && entries.length === 0) return undefined;
  return {
    ...diagnose(input),
    node,
    status: input.status,
    dropped: view.evidence(node)?.dropped ?? 0,
    entries: entries.map((entry) => ({ ...entry, message: formatEntry(entry, node) })),
  };
}

/** What one witness has from others, as all have it: the diagnosis uses it, and the list of events has it once. */
const isHeardAccusation = ({ fact }: AttributedEntry): boolean =>
  (fact.kind === 'memberSuspected' || fact.kind === 'memberDeclaredDead') && fact.reason.kind === 'message';

const HEARD_KINDS: ReadonlySet<EvidenceKind> = new Set<EvidenceKind>([
  'agentStarted',
  'suspicionCleared',
  'memberReturned',
  'memberDiscovered',
  'memberDropped',
]);

/** Every agent of the cluster may know it, without having probed the node. */
const isHeard = (entry: AttributedEntry): boolean =>
  HEARD_KINDS.has(entry.fact.kind) || isHeardAccusation(entry);

/** The start of another agent says how long it has run; it is context, and no evidence about the node. */
const isAbout =
  (node: string) =>
  ({ by, fact }: AttributedEntry): boolean =>
    fact.kind !== 'agentStarted' || by === node;
