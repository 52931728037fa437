/**
 * Queries: whoever is not meant does not answer, nobody counts twice, and an answer is what was answered (Q1). Where nothing
 * is lost, an answer given in good time reaches who asked (Q2), and who asked one of ours hears from all who are well that they
 * were reached (Q3).
 */
import { decodeUtf8 } from '../../../base/bytes.ts';
import type { Millis } from '../../../base/time.ts';
import type { QueryDefinition, QueryReport } from '../../../serf/types.ts';
import { isQueryTarget } from '../../workload/message-load.ts';
import type { SimHost } from '../../world/host.ts';
import type { LawContext } from '../law.ts';

/** Since when a host has been well; `undefined`: it is not. */
export type HealthySince = (host: SimHost) => Millis | undefined;

interface TrackedQuery {
  readonly host: SimHost;
  readonly boot: number;
  readonly at: Millis;
  readonly question: QueryDefinition;
  readonly report: QueryReport;
  /** By name of the member: what it said, and when. */
  readonly responses: Map<string, { readonly answer: string; readonly at: Millis; readonly by: SimHost }>;
}

/** Before its end an answer must have been given to be owed; also how long after it we look. */
const TRAVEL: Millis = 500;

export class QueryLaw {
  /** Answers, and acks, that came to those who asked. */
  responses = 0;
  acks = 0;
  /** Acks that were owed, and those of them that Serf's gossip did not bring. */
  expectedAcks = 0;
  missedAcks = 0;
  readonly #context: LawContext;
  readonly #lossless: boolean;
  readonly #healthySince: HealthySince;
  readonly #queries = new Set<TrackedQuery>();

  constructor(context: LawContext, lossless: boolean, healthySince: HealthySince) {
    this.#context = context;
    this.#lossless = lossless;
    this.#healthySince = healthySince;
  }

  onQuery(host: SimHost, question: QueryDefinition, report: QueryReport): void {
    const { world } = this.#context;
    const query = { host, boot: host.bootCount, at: world.now, question, report, responses: new Map() };
    this.#queries.add(query);
    world.schedule(world.now + report.timeout + TRAVEL, () => this.#checkQuery(query));
  }

  onResponse(by: SimHost, query: string, answer: string): void {
    for (const { question, responses } of this.#queries)
      if (question.name === query) responses.set(by.name, { answer, at: this.#context.world.now, by });
  }

  #checkQuery(query: TrackedQuery): void {
    this.#queries.delete(query);
    const { host, boot: life, question, report, responses } = query;
    if (host.bootCount !== life || !host.running || host.paused) return;
    const now = host.runningAgent.view.queryReport(report.id);
    const where = `${host.label} asked ${question.name}`;
    const { reportViolation } = this.#context;
    if (now === undefined) return reportViolation(`Q1 ${where}, and does not know it any more`);
    if (!now.finished) reportViolation(`Q1 ${where}, and still waits`);
    this.acks += now.acks.length;
    this.responses += now.responses.length;
    const members = new Map([...this.#context.world.hosts].map((one) => [one.name, one]));
    const from = now.responses.map((one) => one.from);
    for (const list of [now.acks, from]) {
      if (new Set(list).size < list.length)
        reportViolation(`Q1 ${where}, and counts somebody twice: ${list.join(' ')}`);
      for (const name of list) {
        const member = members.get(name);
        if (member === undefined || !isQueryTarget(question, member))
          reportViolation(`Q1 ${where}, and ${name} answers, who is not meant`);
      }
    }
    for (const { from: name, payload } of now.responses)
      if (responses.get(name)?.answer !== decodeUtf8(payload))
        reportViolation(`Q1 ${where}, and ${name} did not answer that`);
    if (this.#lossless) this.#checkLostResponses(query, now, where);
  }

  #checkLostResponses(
    { host, at, question, report, responses }: TrackedQuery,
    now: QueryReport,
    where: string,
  ): void {
    const isHealthy = (one: SimHost): boolean => (this.#healthySince(one) ?? Number.POSITIVE_INFINITY) <= at;
    if (!isHealthy(host)) return;
    const { reportViolation } = this.#context;
    for (const [name, { at: when, by }] of responses)
      if (
        isHealthy(by) &&
        when < at + report.timeout - TRAVEL &&
        !now.responses.some(({ from }) => from === name)
      )
        reportViolation(`Q2 ${where}, and the answer of ${name} is lost`);
    for (const one of this.#context.world.hosts) {
      if (!isHealthy(one) || !isQueryTarget(question, one)) continue;
      this.expectedAcks += 1;
      if (now.acks.includes(one.name)) continue;
      if (host.options.serfPeer === true) this.missedAcks += 1;
      else reportViolation(`Q3 ${where}, and nothing comes from ${one.name}`);
    }
  }
}
