/** A and AAAA of nodes, services and bare addresses, and the CNAME of a service whose address is a host name. */
import {
  type AddressData,
  type AnswerItem,
  type DnsName,
  QUESTION_NAME,
  RECORD_TYPE,
  type ResourceRecord,
  toAddressData,
  toAnswerItems,
} from '../message/records.ts';
import { isInZone, parseName } from '../zone/names.ts';
import { nodeTtl, resolveName, serviceTtl, type ZoneQuery } from '../zone/zone.ts';
import { sample } from './sample.ts';

/** Longest CNAME chain that is followed within our domains. A longer one is a mistake or a loop. */
export const MAX_CNAME_HOPS = 3;

/** Addresses of the family in the query. Failed nodes are answered too. */
export function answerAddress(query: ZoneQuery): AnswerItem[] {
  const items = collectAddresses(query, []);
  const { aRecordLimit, rng } = query.zone;
  if (query.subject.kind !== 'service' || items.length <= aRecordLimit) return items;
  // Each answer is a new sample, so that a limit of 1 still spreads clients that use the first address only.
  const cnames = items.filter(isCname);
  const addresses = items.filter((item) => !isCname(item));
  const chosen = sample(
    addresses.filter(({ last }) => last !== true),
    aRecordLimit,
    rng,
  );
  const last = addresses.filter((item) => item.last === true);
  return [...cnames, ...chosen, ...sample(last, aRecordLimit - chosen.length, rng)];
}

/**
 * All address records of a host name, with its CNAME chain; of a foreign name those that recursors know. They have the
 * given TTL, or a shorter one of their own.
 */
export function resolveTargetName(name: DnsName, query: ZoneQuery, ttlSeconds: number): ResourceRecord[] {
  const { names } = query.zone;
  return followCname(name, { ...query, type: RECORD_TYPE.ANY }, [name.toLowerCase()]).map(({ record }) => {
    const isOurs = typeof record.owner !== 'string' || isInZone(record.owner.split('.'), names);
    return { ...record, ttlSeconds: isOurs ? ttlSeconds : Math.min(ttlSeconds, record.ttlSeconds) };
  });
}

/** `chain`: the names of the CNAMEs that led here. */
function collectAddresses(query: ZoneQuery, chain: readonly DnsName[]): AnswerItem[] {
  const { subject, type, zone, maxRecords } = query;
  const matchesType = (data: AddressData): boolean =>
    type === RECORD_TYPE[data.type] || type === RECORD_TYPE.ANY;
  switch (subject.kind) {
    case 'node':
    case 'host': {
      const data = subject.kind === 'host' ? subject.address : toAddressData(subject.node.ip);
      const ttlSeconds = subject.kind === 'host' ? zone.nodeTtlSeconds : nodeTtl(subject.node, zone);
      return matchesType(data) ? toAnswerItems({ ttlSeconds, data }) : [];
    }
    case 'service': {
      const { addresses, aliases, lastAddresses } = subject.endpointSet;
      if (addresses.length === 0) return answerCname(aliases, query, chain);
      const ttlSeconds = serviceTtl(query);
      // With a limit the sample is drawn from all addresses, also from those that would not fit one response.
      const end = zone.aRecordLimit < maxRecords ? undefined : maxRecords;
      return addresses
        .filter(matchesType)
        .slice(0, end)
        .flatMap((data) =>
          toAnswerItems({ ttlSeconds, data }).map((item) =>
            lastAddresses.has(data) ? { ...item, last: true } : item,
          ),
        );
    }
    default:
      return [];
  }
}

/**
 * A CNAME to one of the host names, and the records of that name if it is in our domains or recursors know it. One at a
 * time, since a name with a CNAME may have no other record. A loop ends at the first name that was seen before.
 *
 * Differs: Consul's CNAME always has a TTL of 0; ours has the TTL of node records.
 */
function answerCname(names: readonly DnsName[], query: ZoneQuery, chain: readonly DnsName[]): AnswerItem[] {
  const { type, zone, subject } = query;
  const name = names[zone.rng.int(Math.max(1, names.length))];
  if (name === undefined || !CNAME_TYPES.has(type) || chain.includes(name.toLowerCase())) return [];
  const ttlSeconds = subject.kind === 'service' && subject.endpointSet.restored ? 0 : zone.nodeTtlSeconds;
  const cname = toAnswerItems({ ttlSeconds, data: { type: 'CNAME', name } });
  return type === RECORD_TYPE.CNAME || chain.length >= MAX_CNAME_HOPS
    ? cname
    : [...cname, ...followCname(name, query, [...chain, name.toLowerCase()])];
}

function followCname(name: DnsName, query: ZoneQuery, chain: readonly DnsName[]): AnswerItem[] {
  const parsed = parseName(name.split('.'), query.zone.names);
  if (parsed.kind === 'outOfZone') return foreignItems(name, query);
  const subject = resolveName(parsed, query.zone);
  if (subject === undefined) return [];
  return collectAddresses({ ...query, subject, domain: parsed.domain }, chain).map(
    ({ record, additionals }) => ({
      record: record.owner === QUESTION_NAME ? { ...record, owner: name } : record,
      additionals,
    }),
  );
}

/** What recursors know of a name outside our domains. */
function foreignItems(name: DnsName, { foreign, type }: ZoneQuery): AnswerItem[] {
  const records = foreign?.records(name) ?? [];
  return records
    .filter(
      ({ data }) => data.type === 'CNAME' || type === RECORD_TYPE.ANY || type === RECORD_TYPE[data.type],
    )
    .map((record) => ({ record, additionals: [] }));
}

/** Record types whose answer may begin with a CNAME. */
const CNAME_TYPES: ReadonlySet<number> = new Set([
  RECORD_TYPE.A,
  RECORD_TYPE.AAAA,
  RECORD_TYPE.CNAME,
  RECORD_TYPE.ANY,
]);

const isCname = ({ record }: AnswerItem): boolean => record.data.type === 'CNAME';
