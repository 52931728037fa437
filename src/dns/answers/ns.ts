/** NS: who else answers for the domain. Any agent does. */
import { type AnswerItem, QUESTION_NAME, RECORD_TYPE, toAddressData } from '../message/records.ts';
import { formatNodeFqdn, type ZoneQuery } from '../zone/zone.ts';
import { sample } from './sample.ts';

const MAX_SERVERS = 3;

/** Up to three live agents, drawn anew for each answer, with their addresses. */
export function answerNs(ask: ZoneQuery): AnswerItem[] {
  const { subject, type, zone } = ask;
  if (subject.kind !== 'apex' || (type !== RECORD_TYPE.NS && type !== RECORD_TYPE.ANY)) return [];
  const alive = zone.view.members().filter((member) => member.status === 'alive');
  return sample(alive, MAX_SERVERS, zone.rng).map((member) => {
    const name = formatNodeFqdn(member, ask);
    const ttlSeconds = zone.nodeTtlSeconds;
    return {
      record: { owner: QUESTION_NAME, ttlSeconds, data: { type: 'NS', name } },
      additionals: [{ owner: name, ttlSeconds, data: toAddressData(member.address.ip) }],
    };
  });
}
