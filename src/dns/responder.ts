/** Bytes to bytes, and total: our own failure is SERVFAIL, never silence and never an exception in a socket's callback. */
import { answer, failure, isForeign, type Reply } from './answer.ts';
import { RCODE } from './message/records.ts';
import { readQuery } from './message/request.ts';
import { DNS_DEFAULTS, type DnsOptions, zoneOf } from './options.ts';
import type { Forwardable } from './recursor/outgoing.ts';
import { Recursor } from './recursor/recursor.ts';
import { askOverTcp, limitOf, mostRecords, type Route, trim } from './truncate.ts';

/** `stub`: nothing but "ask again over TCP". */
export type Manner = 'answer' | 'refuse' | 'stub';

export interface Answerer {
  /** `undefined`: say nothing. A promise only where a recursor has to be asked; it does not reject. */
  reply(query: Buffer, route: Route, manner: Manner): Buffer | Promise<Buffer> | undefined;
  close(): void;
}

/** Throws `AgentError` `config` when a name in the options could not be written in DNS. */
export function createAnswerer(options: DnsOptions): Answerer {
  const zone = zoneOf(options);
  const trimming = { ...DNS_DEFAULTS.trimming, ...options.trimming };
  const { recursors } = options;
  const recursor =
    recursors === undefined || recursors.servers.length === 0
      ? undefined
      : new Recursor({ ...recursors, names: zone.names });

  const written = (request: Parameters<typeof trim>[0], reply: Reply, route: Route): Buffer =>
    trim(request, reply, limitOf(request, route), route, trimming, zone.rng);

  /** Whoever does not want recursion gets none: what others asked for is not told by asking for it. */
  const forward = async (request: Forwardable, route: Route, { resolve }: Resolver): Promise<Buffer> => {
    const said = await resolve(request, route.transport);
    if (said === 'loop') return written(request, available(failure(RCODE.REFUSED)), route);
    if (said === 'nobody') return written(request, available(failure(RCODE.SERVFAIL)), route);
    if (said.length <= limitOf(request, route)) return said;
    return askOverTcp(request, available(failure(RCODE.NOERROR)));
  };

  const reply: Answerer['reply'] = (query, route, manner) => {
    const request = readQuery(query);
    if (request === undefined) return undefined;
    if (manner === 'stub') return askOverTcp(request, failure(request.fault ?? RCODE.NOERROR));
    if (manner === 'refuse') return written(request, failure(RCODE.REFUSED), route);
    const helper = route.trusted ? recursor : undefined;
    const mark = helper === undefined ? (said: Reply): Reply => said : available;
    try {
      if (helper !== undefined && request.recursionDesired && isForeign(request, zone))
        return forward(request, route, { resolve: (asked, by) => helper.resolve(asked, by) });
      const said = answer(request, zone, {
        ready: options.ready(),
        stranger: route.stranger,
        most: mostRecords(limitOf(request, route)),
      });
      return written(request, mark(said), route);
    } catch {
      return written(request, mark(failure(RCODE.SERVFAIL)), route);
    }
  };
  return { reply, close: () => recursor?.close() };
}

type Resolver = Pick<Recursor, 'resolve'>;

const available = (said: Reply): Reply => ({ ...said, recursionAvailable: true });
