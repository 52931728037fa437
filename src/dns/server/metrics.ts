/** Counts DNS responses by transport and RCODE, and those with TC set. */
import type { Meter } from '../../base/meter.ts';
import { RCODE } from '../message/records.ts';
import type { DnsResponder } from '../responder.ts';

const RCODE_NAMES = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));

/** A responder that counts what `responder` returns. */
export function withMetrics(responder: DnsResponder, meter: Meter): DnsResponder {
  const responses = meter.counter(
    'hearsay_dns_answers_total',
    'DNS responses by transport and rcode.',
    'transport',
    'code',
  );
  const truncated = meter.counter('hearsay_dns_truncated_total', 'DNS responses with TC set.');
  const count = (transport: string, response: Buffer): void => {
    const [, , highFlags = 0, lowFlags = 0] = response;
    responses.add([transport, RCODE_NAMES.get(lowFlags & 15) ?? 'other']);
    if ((highFlags & 2) > 0) truncated.add();
  };
  return {
    close: () => responder.close(),
    respond: (query, origin, mode) => {
      const response = responder.respond(query, origin, mode);
      if (Buffer.isBuffer(response)) count(origin.transport, response);
      else void response?.then((bytes) => count(origin.transport, bytes));
      return response;
    },
  };
}
