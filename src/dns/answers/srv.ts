/** SRV: the instances of a service, each with the addresses of its target. */
import { ASKED, type Item, type Name, type ResourceRecord, TYPE } from '../message/records.ts';
import type { Spot } from '../zone/endpoints.ts';
import { type Ask, serviceTtl } from '../zone/zone.ts';
import { recordsAt } from './address.ts';

/** All priorities are equal; weights say who gets how much. Source: RFC 2782; Consul DNS, SRV. */
export function srv(ask: Ask): Item[] {
  const { subject, type, domain, most } = ask;
  if (subject.kind !== 'service' || type !== TYPE.SRV) return [];
  const ttlSeconds = serviceTtl(ask);
  /** Targets that several instances share get their addresses once: one array of the same records. */
  const glue = new Map<Name, readonly ResourceRecord[]>();
  return subject.served.spots.slice(0, most).map(({ port, weight, target }: Spot) => {
    const name = target.kind === 'ours' ? `${target.labels}.${domain}` : target.name;
    let records = glue.get(name);
    if (records === undefined) {
      records =
        target.kind === 'ours'
          ? [{ owner: name, ttlSeconds, data: target.address }]
          : recordsAt(name, ask).map((record) => ({ ...record, ttlSeconds }));
      glue.set(name, records);
    }
    const data = { type: 'SRV', priority: 1, weight, port, target: name } as const;
    return { record: { owner: ASKED, ttlSeconds, data }, glue: records };
  });
}
