/** SRV: the endpoints of a service, each with the addresses of its target as additional records. */
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

/**
 * Weights distribute the load. Priorities are equal, but for availability zones that are spare, and for suspects, which come last.
 *
 * Source: RFC 2782; Consul DNS, SRV.
 */
export function answerSrv(query: ZoneQuery): AnswerItem[] {
  const { subject, type, domain, maxRecords } = query;
  if (subject.kind !== 'service' || type !== RECORD_TYPE.SRV) return [];
  const ttlSeconds = serviceTtl(query);
  /** Endpoints with a common target share one array of records, which are sent once. */
  const byTarget = new Map<DnsName, readonly ResourceRecord[]>();
  const { endpoints } = subject.endpointSet;
  return endpoints.slice(0, maxRecords).map(({ port, priority, weight, target }: Endpoint) => {
    const name = target.kind === 'generated' ? `${target.labels}.${domain}` : target.name;
    let additionals = byTarget.get(name);
    if (additionals === undefined) {
      additionals =
        target.kind === 'generated'
          ? [{ owner: name, ttlSeconds, data: target.address }]
          : resolveTargetName(name, query, ttlSeconds);
      byTarget.set(name, additionals);
    }
    const data = { type: 'SRV', priority, weight, port, target: name } as const;
    const last = priority !== endpoints[0]?.priority;
    return { record: { owner: QUESTION_NAME, ttlSeconds, data }, additionals, last };
  });
}
