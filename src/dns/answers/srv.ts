/** SRV: the instances of a service, each with the addresses of its target. */
import {
  type AnswerItem,
  type DnsName,
  QUESTION_NAME,
  RECORD_TYPE,
  type ResourceRecord,
} from '../message/records.ts';
import type { Endpoint } from '../zone/endpoints.ts';
import { serviceTtl, type ZoneQuery } from '../zone/zone.ts';
import { resolveTargetName } from './address.ts';

/** All priorities are equal; weights say who gets how much. Source: RFC 2782; Consul DNS, SRV. */
export function answerSrv(ask: ZoneQuery): AnswerItem[] {
  const { subject, type, domain, maxRecords: most } = ask;
  if (subject.kind !== 'service' || type !== RECORD_TYPE.SRV) return [];
  const ttlSeconds = serviceTtl(ask);
  /** Targets that several instances share get their addresses once: one array of the same records. */
  const additionals = new Map<DnsName, readonly ResourceRecord[]>();
  return subject.endpointSet.endpoints.slice(0, most).map(({ port, weight, target }: Endpoint) => {
    const name = target.kind === 'generated' ? `${target.labels}.${domain}` : target.name;
    let records = additionals.get(name);
    if (records === undefined) {
      records =
        target.kind === 'generated'
          ? [{ owner: name, ttlSeconds, data: target.address }]
          : resolveTargetName(name, ask).map((record) => ({ ...record, ttlSeconds }));
      additionals.set(name, records);
    }
    const data = { type: 'SRV', priority: 1, weight, port, target: name } as const;
    return { record: { owner: QUESTION_NAME, ttlSeconds, data }, additionals: records };
  });
}
