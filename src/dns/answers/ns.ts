/** NS: name servers of the domain. Every agent is one. */
import { type AnswerItem, QUESTION_NAME, RECORD_TYPE, toAddressData } from '../message/records.ts';
import { nodeOfMember } from '../zone/dns-node.ts';
import { formatNodeFqdn, type ZoneQuery } from '../zone/zone.ts';
import { sample } from './sample.ts';

const MAX_NAME_SERVERS = 3;

/** A new sample of up to three live agents for each answer, with their addresses as additional records. */
export function answerNs(query: ZoneQuery): AnswerItem[] {
  const { subject, type, zone } = query;
  if (subject.kind !== 'apex' || (type !== RECORD_TYPE.NS && type !== RECORD_TYPE.ANY)) return [];
  const alive = zone.view.members().filter((member) => member.status === 'alive');
  return sample(alive, MAX_NAME_SERVERS, zone.rng).map((member) => {
    const name = formatNodeFqdn(nodeOfMember(member), query);
    const ttlSeconds = zone.nodeTtlSeconds;
    return {
      record: { owner: QUESTION_NAME, ttlSeconds, data: { type: 'NS', name } },
      additionals: [{ owner: name, ttlSeconds, data: toAddressData(member.address.ip) }],
    };
  });
}
