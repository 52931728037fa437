/** A and AAAA: nodes, services and bare addresses; and the CNAME of a service whose address is a name. */

import {
  type AddressData,
  type AnswerItem,
  type DnsName,
  QUESTION_NAME,
  RECORD_TYPE,
  type ResourceRecord,
  toAddressData,
  toAnswerItems,
} from '../message/records.ts';
import { parseName } from '../zone/names.ts';
import { resolveName, serviceTtl, type ZoneQuery } from '../zone/zone.ts';
import { sample } from './sample.ts';

/** Names of ours that are followed from one to the next. More is a mistake, or a circle. */
export const MAX_CNAME_HOPS = 3;

/** Addresses of the family that was asked. A failed node still has one. */
export function answerAddress(ask: ZoneQuery): AnswerItem[] {
  const found = collectAddresses(ask, 0);
  const { aRecordLimit, rng } = ask.zone;
  if (ask.subject.kind !== 'service' || found.length <= aRecordLimit) return found;
  // Drawn anew each time: who sets a limit of 1 wants clients that take the first address to be spread all the same.
  const links = found.filter(isCname);
  const plain = found.filter((item) => !isCname(item));
  return [...links, ...sample(plain, aRecordLimit, rng)];
}

/** All we know of a name that stands in place of an address: nothing if it is not ours. */
export function resolveTargetName(name: DnsName, ask: ZoneQuery): ResourceRecord[] {
  return followCname(name, { ...ask, type: RECORD_TYPE.ANY }, 1).map((item) => item.record);
}

function collectAddresses(ask: ZoneQuery, hops: number): AnswerItem[] {
  const { subject, type, zone, maxRecords: most } = ask;
  const ofType = (data: AddressData): boolean => type === RECORD_TYPE[data.type] || type === RECORD_TYPE.ANY;
  switch (subject.kind) {
    case 'node':
    case 'host': {
      const data = subject.kind === 'host' ? subject.address : toAddressData(subject.member.address.ip);
      return ofType(data) ? toAnswerItems({ ttlSeconds: zone.nodeTtlSeconds, data }) : [];
    }
    case 'service': {
      const { endpointSet: served } = subject;
      if (served.addresses.length === 0) return answerCname(served.aliases, ask, hops);
      const ttlSeconds = serviceTtl(ask);
      // Who sets a limit wants each address to have its turn, also those that could not be sent together.
      const enough = zone.aRecordLimit < most ? undefined : most;
      const data = served.addresses.filter(ofType).slice(0, enough);
      return toAnswerItems(...data.map((one) => ({ ttlSeconds, data: one })));
    }
    default:
      return [];
  }
}

/**
 * One of the host names, as there may be only one CNAME and nothing beside it, and what that name stands for if it is
 * ours.
 *
 * Differs: Consul's CNAME lives 0 seconds whatever is set; ours lives as long as a node's records.
 */
function answerCname(names: readonly DnsName[], ask: ZoneQuery, hops: number): AnswerItem[] {
  const { type, zone } = ask;
  const name = names[zone.rng.int(Math.max(1, names.length))];
  if (name === undefined) return [];
  if (
    type !== RECORD_TYPE.A &&
    type !== RECORD_TYPE.AAAA &&
    type !== RECORD_TYPE.CNAME &&
    type !== RECORD_TYPE.ANY
  )
    return [];
  const link = toAnswerItems({ ttlSeconds: zone.nodeTtlSeconds, data: { type: 'CNAME', name } });
  return type === RECORD_TYPE.CNAME || hops >= MAX_CNAME_HOPS
    ? link
    : [...link, ...followCname(name, ask, hops + 1)];
}

function followCname(name: DnsName, ask: ZoneQuery, hops: number): AnswerItem[] {
  const asked = parseName(name.split('.'), ask.zone.names);
  const subject = asked.kind === 'outOfZone' ? undefined : resolveName(asked, ask.zone);
  if (asked.kind === 'outOfZone' || subject === undefined) return [];
  return collectAddresses({ ...ask, subject, domain: asked.domain }, hops).map(({ record, additionals }) => ({
    record: record.owner === QUESTION_NAME ? { ...record, owner: name } : record,
    additionals,
  }));
}

const isCname = ({ record }: AnswerItem): boolean => record.data.type === 'CNAME';
