/** What the DNS door counts of its answers: by transport and code, and how many were cut. */
import type { Meter } from '../../base/meter.ts';
import { RCODE } from '../message/records.ts';
import type { DnsResponder } from '../responder.ts';

const NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

/** The same answers, counted as they go out. */
export function withMetrics(answerer: DnsResponder, meter: Meter): DnsResponder {
  const answers = meter.counter('hearsay_dns_answers_total', 'DNS answers.', 'transport', 'code');
  const truncated = meter.counter('hearsay_dns_truncated_total', 'DNS answers that said "ask over TCP".');
  const count = (transport: string, answer: Buffer): void => {
    const [, , high = 0, low = 0] = answer;
    answers.add([transport, NAMES.get(low & 15) ?? 'other']);
    if ((high & 2) > 0) truncated.add();
  };
  return {
    close: () => answerer.close(),
    respond: (query, route, manner) => {
      const answer = answerer.respond(query, route, manner);
      if (Buffer.isBuffer(answer)) count(route.transport, answer);
      else void answer?.then((bytes) => count(route.transport, bytes));
      return answer;
    },
  };
}
