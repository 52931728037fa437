/** Answers a query from the zone: RCODE and records, of any size and not yet encoded. */
import { MAX_CNAME_HOPS } from './answers/address.ts';
import { answerHinfo } from './answers/hinfo.ts';
import { RECORD_HANDLERS } from './answers/index.ts';
import { soaRecord } from './answers/soa.ts';
import { CompiledAnswer } from './message/compiled-records.ts';
import {
  type AnswerItem,
  type DnsName,
  RCODE,
  type Rcode,
  RECORD_TYPE,
  type ResourceRecord,
} from './message/records.ts';
import type { DnsRequest } from './message/request.ts';
import type { ForwardableRequest } from './recursor/outgoing.ts';
import type { EndpointSet } from './zone/endpoints.ts';
import { closestEncloser, isReverseName, parseName } from './zone/names.ts';
import { type ForeignLookup, resolveName, type Subject, type Zone, type ZoneQuery } from './zone/zone.ts';

export interface DnsResponse {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly recursionAvailable?: boolean;
  readonly compiled: CompiledAnswer;
}

/** What the server knows about a query besides the query itself. */
export interface AnswerContext {
  /** The source address may be forged: ANY gets the minimal answer (RFC 8482). */
  readonly spoofable: boolean;
  /** Most records to answer with: those that fit the response, and one more. */
  readonly maxRecords?: number;
  /** The client may use recursors: what they know of foreign names goes into the answer. */
  readonly foreign?: ForeignLookup;
}

/**
 * Decides whether the name exists before looking at the type, so an existing name without records of that type is
 * NODATA and never NXDOMAIN.
 *
 * Source: RFC 2308 §2; RFC 8020.
 */
export function answerQuery(
  request: DnsRequest,
  zone: Zone,
  { spoofable, maxRecords = Number.POSITIVE_INFINITY, foreign }: AnswerContext,
): DnsResponse {
  if (request.errorRcode !== undefined) return errorResponse(request.errorRcode);
  if (request.question === undefined) return errorResponse(RCODE.FORMERR);
  const { labels, type } = request.question;
  const name = parseName(labels, zone.names);
  if (name.kind === 'outOfZone') return errorResponse(RCODE.REFUSED);
  const subject = resolveName(name, zone);
  if (isUncertain(subject, zone)) return errorResponse(RCODE.SERVFAIL);
  if (subject === undefined)
    return createResponse(
      RCODE.NXDOMAIN,
      true,
      new CompiledAnswer([], [negativeSoa(labels, name.domain, zone)]),
    );
  const query: ZoneQuery = { subject, type, domain: name.domain, zone, maxRecords, foreign };
  const compile = (): CompiledAnswer =>
    compileAnswer(
      labels,
      query,
      spoofable && type === RECORD_TYPE.ANY ? answerHinfo(query) : collectItems(query),
    );
  const endpointSet = cacheableEndpointSet(query);
  return createResponse(
    RCODE.NOERROR,
    true,
    endpointSet === undefined ? compile() : zone.answerCache.getOrCompile(endpointSet, query, compile),
  );
}

/**
 * Before the agent is ready a name may exist that it does not know, and a service has instances that it does not know.
 * Clients cache NXDOMAIN, but not SERVFAIL. What was restored is answered.
 */
function isUncertain(subject: Subject | undefined, { view }: Zone): boolean {
  const readiness = view.readiness();
  if (readiness.ready) return false;
  return subject === undefined || (subject.kind === 'service' && !readiness.remembers);
}

const collectItems = (query: ZoneQuery): AnswerItem[] => RECORD_HANDLERS.flatMap((handler) => handler(query));

function compileAnswer(
  labels: readonly string[],
  query: ZoneQuery,
  items: readonly AnswerItem[],
): CompiledAnswer {
  const { domain, zone } = query;
  const end = items.length === 0 ? labels : endOfCnameChain(items, query);
  return new CompiledAnswer(items, end === undefined ? [] : [negativeSoa(end, domain, zone)]);
}

const negativeSoa = (labels: readonly string[], domain: DnsName, zone: Zone): ResourceRecord =>
  soaRecord(closestEncloser(labels, zone.names), domain, zone);

/**
 * May this query be forwarded to a recursor? Names in our domains never are, whatever the type, nor are reverse names
 * that resolve here.
 */
export function isForwardable(request: DnsRequest, zone: Zone): request is ForwardableRequest {
  if (request.errorRcode !== undefined || request.question === undefined) return false;
  const { labels } = request.question;
  const name = parseName(labels, zone.names);
  if (name.kind === 'outOfZone') return true;
  return (
    isReverseName(labels, zone.names) && (name.kind !== 'reverse' || resolveName(name, zone) === undefined)
  );
}

/** The name of ours at which a CNAME chain ends without records of this type. Source: RFC 2308 §2.2. */
function endOfCnameChain(
  items: readonly AnswerItem[],
  { type, zone }: ZoneQuery,
): readonly string[] | undefined {
  const last = items.at(-1)?.record.data;
  if (last?.type !== 'CNAME' || type === RECORD_TYPE.CNAME || items.length > MAX_CNAME_HOPS) return undefined;
  const labels = last.name.split('.');
  return parseName(labels, zone.names).kind === 'outOfZone' ? undefined : labels;
}

/** A response with an RCODE and no records. */
export const errorResponse = (rcode: Rcode): DnsResponse => createResponse(rcode, false, EMPTY_ANSWER);

const EMPTY_ANSWER = new CompiledAnswer([]);

const createResponse = (rcode: Rcode, authoritative: boolean, compiled: CompiledAnswer): DnsResponse => ({
  rcode,
  authoritative,
  compiled,
});

/**
 * The endpoint set that the answer to `query` depends on, if it depends on nothing else and may be cached with it.
 * `undefined` for answers that follow CNAMEs to other names or contain a random sample.
 */
export function cacheableEndpointSet({ subject, type, zone }: ZoneQuery): EndpointSet | undefined {
  if (subject.kind !== 'service') return undefined;
  const { endpointSet } = subject;
  if (type === RECORD_TYPE.SRV) return endpointSet.aliases.length === 0 ? endpointSet : undefined;
  if (type !== RECORD_TYPE.A && type !== RECORD_TYPE.AAAA) return undefined;
  return endpointSet.addresses.length > 0 && zone.aRecordLimit === Number.POSITIVE_INFINITY
    ? endpointSet
    : undefined;
}
