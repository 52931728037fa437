/** SOA: asked for at the apex, and in the authority section of every negative answer. */
import { ASKED, type Item, type Name, type ResourceRecord, TYPE } from '../message/records.ts';
import type { Ask, Zone } from '../zone/zone.ts';

export function soa({ subject, type, domain, zone }: Ask): Item[] {
  if (subject.kind !== 'apex' || (type !== TYPE.SOA && type !== TYPE.ANY)) return [];
  return [{ record: { ...soaRecord(domain, zone), owner: ASKED }, glue: [] }];
}

/** Its minimum, 0 by default, is how long caches may believe that something is not there. Source: RFC 2308 §3. */
export const soaRecord = (domain: Name, zone: Zone): ResourceRecord => ({
  owner: domain,
  ttlSeconds: zone.soa.minimumSeconds,
  data: {
    type: 'SOA',
    mname: `ns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: zone.serial(),
    ...zone.soa,
  },
});
