/** NS: who else answers for the domain. Any agent does. */
import { ASKED, addressData, type Item, TYPE } from '../message/records.ts';
import { type Ask, nodeName } from '../zone/zone.ts';
import { draw } from './sample.ts';

const MAX_SERVERS = 3;

/** Up to three live agents, drawn anew for each answer, with their addresses. */
export function ns(ask: Ask): Item[] {
  const { subject, type, zone } = ask;
  if (subject.kind !== 'apex' || (type !== TYPE.NS && type !== TYPE.ANY)) return [];
  const alive = zone.view.members().filter((member) => member.status === 'alive');
  return draw(alive, MAX_SERVERS, zone.rng).map((member) => {
    const name = nodeName(member, ask);
    const ttlSeconds = zone.nodeTtlSeconds;
    return {
      record: { owner: ASKED, ttlSeconds, data: { type: 'NS', name } },
      glue: [{ owner: name, ttlSeconds, data: addressData(member.address.ip) }],
    };
  });
}
