/** Bytes to bytes, and total: our own failure is SERVFAIL, never silence and never an exception in a socket's callback. */
import { answerQuery, type DnsResponse, errorResponse, isForwardable } from './answer.ts';
import { RCODE } from './message/records.ts';
import { parseDnsRequest } from './message/request.ts';
import { createZone, DNS_DEFAULTS, type DnsOptions } from './options.ts';
import type { ForwardableRequest } from './recursor/outgoing.ts';
import { Recursor } from './recursor/recursor.ts';
import {
  encodeTruncated,
  maxRecordsIn,
  maxResponseBytes,
  type QueryOrigin,
  truncateResponse,
} from './truncate.ts';

/** `stub`: nothing but "ask again over TCP". */
export type ResponseMode = 'answer' | 'refuse' | 'truncate';

export interface DnsResponder {
  /** `undefined`: say nothing. A promise only where a recursor has to be asked; it does not reject. */
  respond(query: Buffer, route: QueryOrigin, manner: ResponseMode): Buffer | Promise<Buffer> | undefined;
  close(): void;
}

/** Throws `AgentError` `config` when a name in the options could not be written in DNS. */
export function createResponder(options: DnsOptions): DnsResponder {
  const zone = createZone(options);
  const trimming = { ...DNS_DEFAULTS.trimming, ...options.truncation };
  const { recursors } = options;
  const recursor =
    recursors === undefined || recursors.servers.length === 0
      ? undefined
      : new Recursor({ ...recursors, names: zone.names });

  const written = (
    request: Parameters<typeof truncateResponse>[0],
    reply: DnsResponse,
    route: QueryOrigin,
  ): Buffer => truncateResponse(request, reply, maxResponseBytes(request, route), route, trimming, zone.rng);

  /** Whoever does not want recursion gets none: what others asked for is not told by asking for it. */
  const forward = async (
    request: ForwardableRequest,
    route: QueryOrigin,
    { resolve }: Resolver,
  ): Promise<Buffer> => {
    const said = await resolve(request, route.transport);
    if (said === 'loop') return written(request, withRecursionAvailable(errorResponse(RCODE.REFUSED)), route);
    if (said === 'unanswered')
      return written(request, withRecursionAvailable(errorResponse(RCODE.SERVFAIL)), route);
    if (said.length <= maxResponseBytes(request, route)) return said;
    return encodeTruncated(request, withRecursionAvailable(errorResponse(RCODE.NOERROR)));
  };

  const reply: DnsResponder['respond'] = (query, route, manner) => {
    const request = parseDnsRequest(query);
    if (request === undefined) return undefined;
    if (manner === 'truncate')
      return encodeTruncated(request, errorResponse(request.errorRcode ?? RCODE.NOERROR));
    if (manner === 'refuse') return written(request, errorResponse(RCODE.REFUSED), route);
    const helper = route.trusted ? recursor : undefined;
    const mark = helper === undefined ? (said: DnsResponse): DnsResponse => said : withRecursionAvailable;
    try {
      if (helper !== undefined && request.recursionDesired && isForwardable(request, zone))
        return forward(request, route, { resolve: (asked, by) => helper.resolve(asked, by) });
      const said = answerQuery(request, zone, {
        ready: options.ready(),
        spoofable: route.spoofable,
        maxRecords: maxRecordsIn(maxResponseBytes(request, route)),
      });
      return written(request, mark(said), route);
    } catch {
      return written(request, mark(errorResponse(RCODE.SERVFAIL)), route);
    }
  };
  return { respond: reply, close: () => recursor?.close() };
}

type Resolver = Pick<Recursor, 'resolve'>;

const withRecursionAvailable = (said: DnsResponse): DnsResponse => ({ ...said, recursionAvailable: true });
