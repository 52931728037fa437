/**
 * Queries: only members that the filters match respond, nobody counts twice, and responses arrive as they were sent
 * (Q1). Without loss a response that is sent in time reaches the querier (Q2), and an agent that queries gets acks of
 * all healthy members (Q3).
 */
import { decodeUtf8 } from '../../../base/bytes.ts';
import type { Millis } from '../../../base/time.ts';
import type { QueryDefinition, QueryReport } from '../../../serf/types.ts';
import { isQueryTarget } from '../../workload/message-load.ts';
import type { SimHost } from '../../world/host.ts';
import type { LawContext } from '../law.ts';

/** The time since which a host is healthy; `undefined` if it is not. */
export type HealthySince = (host: SimHost) => Millis | undefined;

interface TrackedQuery {
  readonly host: SimHost;
  readonly boot: number;
  readonly at: Millis;
  readonly question: QueryDefinition;
  readonly report: QueryReport;
  /** Responses that were sent, by the member's name. */
  readonly responses: Map<string, { readonly answer: string; readonly at: Millis; readonly by: SimHost }>;
}

/** A response counts as in time if it is sent this long before the query's end; the check waits this long after it. */
const MARGIN: Millis = 500;

export class QueryLaw {
  /** Responses and acks that arrived. */
  responses = 0;
  acks = 0;
  /** Acks that were expected, and those of them that gossip of Serf peers missed. */
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
    world.schedule(world.now + report.timeout + MARGIN, () => this.#checkQuery(query));
  }

  onResponse(by: SimHost, query: string, answer: string): void {
    for (const { question, responses } of this.#queries)
      if (question.name === query) responses.set(by.name, { answer, at: this.#context.world.now, by });
  }

  #checkQuery(query: TrackedQuery): void {
    this.#queries.delete(query);
    const { host, boot, question, report, responses } = query;
    if (host.bootCount !== boot || !host.running || host.paused) return;
    const current = host.runningAgent.view.queryReport(report.id);
    const where = `${host.label} sent ${question.name}`;
    const { reportViolation, judged } = this.#context;
    judged('Q1');
    if (current === undefined) return reportViolation(`Q1 ${where}, and does not know the query any more`);
    if (!current.finished) reportViolation(`Q1 ${where}, and the query does not end`);
    this.acks += current.acks.length;
    this.responses += current.responses.length;
    const members = new Map([...this.#context.world.hosts].map((one) => [one.name, one]));
    const from = current.responses.map((one) => one.from);
    for (const list of [current.acks, from]) {
      if (new Set(list).size < list.length)
        reportViolation(`Q1 ${where}, and counts a member twice: ${list.join(' ')}`);
      for (const name of list) {
        const member = members.get(name);
        if (member === undefined || !isQueryTarget(question, member))
          reportViolation(`Q1 ${where}, and ${name} responds, which the filters exclude`);
      }
    }
    for (const { from: name, payload } of current.responses)
      if (responses.get(name)?.answer !== decodeUtf8(payload))
        reportViolation(`Q1 ${where}, and ${name} did not send that response`);
    if (this.#lossless) this.#checkLostResponses(query, current, where);
  }

  #checkLostResponses(
    { host, at, question, report, responses }: TrackedQuery,
    current: QueryReport,
    where: string,
  ): void {
    const isHealthy = (one: SimHost): boolean => (this.#healthySince(one) ?? Number.POSITIVE_INFINITY) <= at;
    if (!isHealthy(host)) return;
    const { reportViolation, judged } = this.#context;
    for (const [name, { at: when, by }] of responses) {
      if (!isHealthy(by) || when >= at + report.timeout - MARGIN) continue;
      judged('Q2');
      if (!current.responses.some(({ from }) => from === name))
        reportViolation(`Q2 ${where}, and the response of ${name} is lost`);
    }
    for (const one of this.#context.world.hosts) {
      if (!isHealthy(one) || !isQueryTarget(question, one)) continue;
      this.expectedAcks += 1;
      judged('Q3');
      if (current.acks.includes(one.name)) continue;
      if (host.options.serfPeer === true) this.missedAcks += 1;
      else reportViolation(`Q3 ${where}, and ${one.name} sends no ack`);
    }
  }
}
