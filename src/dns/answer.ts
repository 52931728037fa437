/** From a request to what is said about it: which code, which records. Not yet bytes, and of any size. */
import { MAX_CNAME_HOPS } from './answers/address.ts';
import { answerHinfo } from './answers/hinfo.ts';
import { RECORD_HANDLERS } from './answers/index.ts';
import { soaRecord } from './answers/soa.ts';
import { CompiledAnswer } from './message/compiled-records.ts';
import { type AnswerItem, RCODE, type Rcode, RECORD_TYPE } from './message/records.ts';
import type { DnsRequest } from './message/request.ts';
import type { ForwardableRequest } from './recursor/outgoing.ts';
import type { EndpointSet } from './zone/endpoints.ts';
import { isReverseName, parseName } from './zone/names.ts';
import { resolveName, type Zone, type ZoneQuery } from './zone/zone.ts';

export interface DnsResponse {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly recursionAvailable?: boolean;
  readonly parts: CompiledAnswer;
}

/** How the door stands to this question. */
export interface AnswerContext {
  /** False until there is data: then "try again" goes for "does not exist", which would be believed. */
  readonly ready: boolean;
  /** Over a datagram from afar, where the sender's address may be forged. */
  readonly spoofable: boolean;
  /** Records that could be sent at all, and one more. */
  readonly maxRecords?: number;
}

/**
 * Existence is decided before the type is looked at, so a name that exists never gives NXDOMAIN because of the type.
 *
 * Source: RFC 2308 §2; RFC 8020.
 */
export function answerQuery(
  request: DnsRequest,
  zone: Zone,
  { ready, spoofable: stranger, maxRecords: most = Number.POSITIVE_INFINITY }: AnswerContext,
): DnsResponse {
  if (request.errorRcode !== undefined) return errorResponse(request.errorRcode);
  if (request.question === undefined) return errorResponse(RCODE.FORMERR);
  const { labels, type } = request.question;
  const asked = parseName(labels, zone.names);
  if (asked.kind === 'outOfZone') return errorResponse(RCODE.REFUSED);
  const subject = resolveName(asked, zone);
  if (subject === undefined && !ready) return errorResponse(RCODE.SERVFAIL);
  if (subject === undefined)
    return createResponse(RCODE.NXDOMAIN, true, new CompiledAnswer([], [soaRecord(asked.domain, zone)]));
  const ask: ZoneQuery = { subject, type, domain: asked.domain, zone, maxRecords: most };
  const make = (): CompiledAnswer =>
    compileAnswer(ask, stranger && type === RECORD_TYPE.ANY ? answerHinfo(ask) : collectItems(ask));
  const served = answerCacheKey(ask);
  return createResponse(
    RCODE.NOERROR,
    true,
    served === undefined ? make() : zone.answerCache.getOrCompile(served, ask, make),
  );
}

const collectItems = (ask: ZoneQuery): AnswerItem[] =>
  RECORD_HANDLERS.flatMap((answersOfType) => answersOfType(ask));

function compileAnswer(ask: ZoneQuery, items: readonly AnswerItem[]): CompiledAnswer {
  const inVain = items.length === 0 || isCnameToNodata(items, ask);
  return new CompiledAnswer(items, inVain ? [soaRecord(ask.domain, ask.zone)] : []);
}

/**
 * May a recursor be asked this? What lies in our domains never leaves, whatever its type; of reverse names what we know
 * something about.
 */
export function isForwardable(request: DnsRequest, zone: Zone): request is ForwardableRequest {
  if (request.errorRcode !== undefined || request.question === undefined) return false;
  const { labels } = request.question;
  const asked = parseName(labels, zone.names);
  if (asked.kind === 'outOfZone') return true;
  return (
    isReverseName(labels, zone.names) && (asked.kind !== 'reverse' || resolveName(asked, zone) === undefined)
  );
}

/** Do CNAMEs lead to a name of ours that was looked at and has nothing of this type? Source: RFC 2308 §2.2. */
function isCnameToNodata(items: readonly AnswerItem[], { type, zone }: ZoneQuery): boolean {
  const last = items.at(-1)?.record.data;
  if (last?.type !== 'CNAME' || type === RECORD_TYPE.CNAME || items.length > MAX_CNAME_HOPS) return false;
  return parseName(last.name.split('.'), zone.names).kind !== 'outOfZone';
}

/** Nothing but a code. */
export const errorResponse = (rcode: Rcode): DnsResponse => createResponse(rcode, false, NOTHING);

const NOTHING = new CompiledAnswer([]);

const createResponse = (rcode: Rcode, authoritative: boolean, parts: CompiledAnswer): DnsResponse => ({
  rcode,
  authoritative,
  parts,
});

/** What the answer is made of, if of that alone: no name that leads elsewhere, nothing drawn by chance. */
export function answerCacheKey({ subject, type, zone }: ZoneQuery): EndpointSet | undefined {
  if (subject.kind !== 'service') return undefined;
  const { endpointSet: served } = subject;
  if (type === RECORD_TYPE.SRV) return served.aliases.length === 0 ? served : undefined;
  if (type !== RECORD_TYPE.A && type !== RECORD_TYPE.AAAA) return undefined;
  return served.addresses.length > 0 && zone.aRecordLimit === Number.POSITIVE_INFINITY ? served : undefined;
}
