/** Answers encoded queries with encoded responses. A failure of our own is answered SERVFAIL and never thrown. */
import { answerQuery, type DnsResponse, errorResponse, isForwardable } from './answer.ts';
import { RCODE, RECORD_TYPE } from './message/records.ts';
import { type DnsRequest, parseDnsRequest } from './message/request.ts';
import { createZone, DNS_DEFAULTS, type DnsOptions } from './options.ts';
import { ForeignNames } from './recursor/foreign-names.ts';
import type { ForwardableRequest } from './recursor/outgoing.ts';
import { Recursor } from './recursor/recursor.ts';
import {
  encodeTruncated,
  maxRecordsIn,
  maxResponseBytes,
  type QueryOrigin,
  truncateResponse,
} from './truncate.ts';

/** `truncate`: an empty response with TC, which sends the client to TCP. */
export type ResponseMode = 'answer' | 'refuse' | 'truncate';

export interface DnsResponder {
  /** `undefined`: send nothing. A promise only if the query is forwarded to a recursor; it does not reject. */
  respond(query: Buffer, origin: QueryOrigin, mode: ResponseMode): Buffer | Promise<Buffer> | undefined;
  close(): void;
}

/** Throws `AgentError` `config` if a domain or the datacenter cannot be written in DNS. */
export function createResponder(options: DnsOptions): DnsResponder {
  const zone = createZone(options);
  const truncation = { ...DNS_DEFAULTS.truncation, ...options.truncation };
  const { recursors } = options;
  const recursor =
    recursors === undefined || recursors.servers.length === 0
      ? undefined
      : new Recursor({ ...recursors, names: zone.names });

  const encode = (request: DnsRequest, response: DnsResponse, origin: QueryOrigin): Buffer =>
    truncateResponse(request, response, maxResponseBytes(request, origin), origin, truncation, zone.rng);

  const forward = async (
    upstream: Recursor,
    request: ForwardableRequest,
    origin: QueryOrigin,
  ): Promise<Buffer> => {
    const result = await upstream.resolve(request, origin.transport);
    if (result === 'loop')
      return encode(request, withRecursionAvailable(errorResponse(RCODE.REFUSED)), origin);
    if (result === 'unanswered')
      return encode(request, withRecursionAvailable(errorResponse(RCODE.SERVFAIL)), origin);
    if (result.length <= maxResponseBytes(request, origin)) return result;
    return encodeTruncated(request, withRecursionAvailable(errorResponse(RCODE.NOERROR)));
  };

  const respond: DnsResponder['respond'] = (query, origin, mode) => {
    const request = parseDnsRequest(query);
    if (request === undefined) return undefined;
    if (mode === 'truncate')
      return encodeTruncated(request, errorResponse(request.errorRcode ?? RCODE.NOERROR));
    if (mode === 'refuse') return encode(request, errorResponse(RCODE.REFUSED), origin);
    const available = origin.trusted ? recursor : undefined;
    const markRecursion = available === undefined ? withoutRecursion : withRecursionAvailable;
    try {
      // Without RD not even the recursor's cache is read: its content would tell what others resolved (cache snooping).
      if (available !== undefined && request.recursionDesired && isForwardable(request, zone))
        return forward(available, request, origin);
      const foreign = available !== undefined && request.recursionDesired ? new ForeignNames() : undefined;
      const answer = (): Buffer =>
        encode(
          request,
          markRecursion(
            answerQuery(request, zone, {
              spoofable: origin.spoofable,
              maxRecords: maxRecordsIn(maxResponseBytes(request, origin)),
              ...(foreign !== undefined && { foreign }),
            }),
          ),
          origin,
        );
      const response = answer();
      if (available === undefined || foreign === undefined || foreign.isComplete) return response;
      return foreign
        .resolve(available, addressTypes(request.question?.type))
        .then(answer)
        .catch(() => encode(request, markRecursion(errorResponse(RCODE.SERVFAIL)), origin));
    } catch {
      return encode(request, markRecursion(errorResponse(RCODE.SERVFAIL)), origin);
    }
  };
  return { respond, close: () => recursor?.close() };
}

/** The record types by which a foreign name is looked up: for SRV and ANY both families. */
const addressTypes = (type: number | undefined): readonly number[] =>
  type === RECORD_TYPE.A || type === RECORD_TYPE.AAAA ? [type] : [RECORD_TYPE.A, RECORD_TYPE.AAAA];

const withoutRecursion = (response: DnsResponse): DnsResponse => response;
const withRecursionAvailable = (response: DnsResponse): DnsResponse => ({
  ...response,
  recursionAvailable: true,
});
