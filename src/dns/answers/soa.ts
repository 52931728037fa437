/** SOA: answered at the apex, and in the authority section of every negative answer (RFC 2308). */
import {
  type AnswerItem,
  type DnsName,
  QUESTION_NAME,
  RECORD_TYPE,
  type ResourceRecord,
} from '../message/records.ts';
import type { Zone, ZoneQuery } from '../zone/zone.ts';

export function answerSoa({ subject, type, domain, zone }: ZoneQuery): AnswerItem[] {
  if (subject.kind !== 'apex' || (type !== RECORD_TYPE.SOA && type !== RECORD_TYPE.ANY)) return [];
  return [{ record: soaRecord(QUESTION_NAME, domain, zone), additionals: [] }];
}

/** The minimum, 0 by default, is also the TTL: how long resolvers may cache a negative answer. Source: RFC 2308 §3. */
export const soaRecord = (owner: ResourceRecord['owner'], domain: DnsName, zone: Zone): ResourceRecord => ({
  owner,
  ttlSeconds: zone.soa.minimumSeconds,
  data: {
    type: 'SOA',
    mname: `ns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: zone.serial(),
    ...zone.soa,
  },
});
