/** PTR: the node that has an address, or else the services that have. */
import { type Item, items, TYPE } from '../message/records.ts';
import type { Ask } from '../zone/zone.ts';

/** Differs: Consul's PTR lives 0 seconds whatever is set; ours lives as long as the node's other records. */
export function ptr({ subject, type, domain, zone }: Ask): Item[] {
  if (subject.kind !== 'reverse' || (type !== TYPE.PTR && type !== TYPE.ANY)) return [];
  const ttlSeconds = zone.nodeTtlSeconds;
  return items(
    ...subject.names.map((labels) => ({
      ttlSeconds,
      data: { type: 'PTR', name: `${labels}.${domain}` } as const,
    })),
  );
}
