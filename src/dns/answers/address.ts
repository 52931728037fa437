/** A and AAAA: nodes, services and bare addresses; and the CNAME of a service whose address is a name. */

import {
  type AddressData,
  ASKED,
  addressData,
  type Item,
  items,
  type Name,
  type ResourceRecord,
  TYPE,
} from '../message/records.ts';
import { meaning } from '../zone/names.ts';
import { type Ask, find, serviceTtl } from '../zone/zone.ts';
import { draw } from './sample.ts';

/** Names of ours that are followed from one to the next. More is a mistake, or a circle. */
export const MAX_HOPS = 3;

/** Addresses of the family that was asked. A failed node still has one. */
export function address(ask: Ask): Item[] {
  const found = addresses(ask, 0);
  const { aRecordLimit, rng } = ask.zone;
  if (ask.subject.kind !== 'service' || found.length <= aRecordLimit) return found;
  // Drawn anew each time: who sets a limit of 1 wants clients that take the first address to be spread all the same.
  const links = found.filter(isLink);
  const plain = found.filter((item) => !isLink(item));
  return [...links, ...draw(plain, aRecordLimit, rng)];
}

/** All we know of a name that stands in place of an address: nothing if it is not ours. */
export function recordsAt(name: Name, ask: Ask): ResourceRecord[] {
  return follow(name, { ...ask, type: TYPE.ANY }, 1).map((item) => item.record);
}

function addresses(ask: Ask, hops: number): Item[] {
  const { subject, type, zone, most } = ask;
  const ofType = (data: AddressData): boolean => type === TYPE[data.type] || type === TYPE.ANY;
  switch (subject.kind) {
    case 'node':
    case 'host': {
      const data = subject.kind === 'host' ? subject.address : addressData(subject.member.address.ip);
      return ofType(data) ? items({ ttlSeconds: zone.nodeTtlSeconds, data }) : [];
    }
    case 'service': {
      const { served } = subject;
      if (served.addresses.length === 0) return alias(served.aliases, ask, hops);
      const ttlSeconds = serviceTtl(ask);
      // Who sets a limit wants each address to have its turn, also those that could not be sent together.
      const enough = zone.aRecordLimit < most ? undefined : most;
      const data = served.addresses.filter(ofType).slice(0, enough);
      return items(...data.map((one) => ({ ttlSeconds, data: one })));
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
function alias(names: readonly Name[], ask: Ask, hops: number): Item[] {
  const { type, zone } = ask;
  const name = names[zone.rng.int(Math.max(1, names.length))];
  if (name === undefined) return [];
  if (type !== TYPE.A && type !== TYPE.AAAA && type !== TYPE.CNAME && type !== TYPE.ANY) return [];
  const link = items({ ttlSeconds: zone.nodeTtlSeconds, data: { type: 'CNAME', name } });
  return type === TYPE.CNAME || hops >= MAX_HOPS ? link : [...link, ...follow(name, ask, hops + 1)];
}

function follow(name: Name, ask: Ask, hops: number): Item[] {
  const asked = meaning(name.split('.'), ask.zone.names);
  const subject = asked.kind === 'outside' ? undefined : find(asked, ask.zone);
  if (asked.kind === 'outside' || subject === undefined) return [];
  return addresses({ ...ask, subject, domain: asked.domain }, hops).map(({ record, glue }) => ({
    record: record.owner === ASKED ? { ...record, owner: name } : record,
    glue,
  }));
}

const isLink = ({ record }: Item): boolean => record.data.type === 'CNAME';
