/** PTR: the node at an address, or else the services there. */
import { type AnswerItem, RECORD_TYPE, toAnswerItems } from '../message/records.ts';
import type { ZoneQuery } from '../zone/zone.ts';

/** Differs: Consul's PTR always has a TTL of 0; ours has the TTL of node records. */
export function answerPtr({ subject, type, domain, zone }: ZoneQuery): AnswerItem[] {
  if (subject.kind !== 'reverse' || (type !== RECORD_TYPE.PTR && type !== RECORD_TYPE.ANY)) return [];
  const ttlSeconds = zone.nodeTtlSeconds;
  return toAnswerItems(
    ...subject.names.map((labels) => ({
      ttlSeconds,
      data: { type: 'PTR', name: `${labels}.${domain}` } as const,
    })),
  );
}
