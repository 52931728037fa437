/** From a request to what is said about it: which code, which records. Not yet bytes, and of any size. */
import { MAX_HOPS } from './answers/address.ts';
import { hinfo } from './answers/hinfo.ts';
import { ANSWERS } from './answers/index.ts';
import { soaRecord } from './answers/soa.ts';
import { Parts } from './message/compiled-records.ts';
import { type Item, RCODE, type Rcode, TYPE } from './message/records.ts';
import type { Request } from './message/request.ts';
import type { Forwardable } from './recursor/outgoing.ts';
import type { Served } from './zone/endpoints.ts';
import { isReverse, meaning } from './zone/names.ts';
import { type Ask, find, type Zone } from './zone/zone.ts';

export interface Reply {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly recursionAvailable?: boolean;
  readonly parts: Parts;
}

/** How the door stands to this question. */
export interface Circumstances {
  /** False until there is data: then "try again" goes for "does not exist", which would be believed. */
  readonly ready: boolean;
  /** Over a datagram from afar, where the sender's address may be forged. */
  readonly stranger: boolean;
  /** Records that could be sent at all, and one more. */
  readonly most?: number;
}

/**
 * Existence is decided before the type is looked at, so a name that exists never gives NXDOMAIN because of the type.
 *
 * Source: RFC 2308 §2; RFC 8020.
 */
export function answer(
  request: Request,
  zone: Zone,
  { ready, stranger, most = Number.POSITIVE_INFINITY }: Circumstances,
): Reply {
  if (request.fault !== undefined) return failure(request.fault);
  if (request.question === undefined) return failure(RCODE.FORMERR);
  const { labels, type } = request.question;
  const asked = meaning(labels, zone.names);
  if (asked.kind === 'outside') return failure(RCODE.REFUSED);
  const subject = find(asked, zone);
  if (subject === undefined && !ready) return failure(RCODE.SERVFAIL);
  if (subject === undefined)
    return said(RCODE.NXDOMAIN, true, new Parts([], [soaRecord(asked.domain, zone)]));
  const ask: Ask = { subject, type, domain: asked.domain, zone, most };
  const make = (): Parts => partsOf(ask, stranger && type === TYPE.ANY ? hinfo(ask) : itemsOf(ask));
  const served = lasting(ask);
  return said(RCODE.NOERROR, true, served === undefined ? make() : zone.kept.parts(served, ask, make));
}

const itemsOf = (ask: Ask): Item[] => ANSWERS.flatMap((answersOfType) => answersOfType(ask));

function partsOf(ask: Ask, items: readonly Item[]): Parts {
  const inVain = items.length === 0 || endsInVain(items, ask);
  return new Parts(items, inVain ? [soaRecord(ask.domain, ask.zone)] : []);
}

/**
 * May a recursor be asked this? What lies in our domains never leaves, whatever its type; of reverse names what we know
 * something about.
 */
export function isForeign(request: Request, zone: Zone): request is Forwardable {
  if (request.fault !== undefined || request.question === undefined) return false;
  const { labels } = request.question;
  const asked = meaning(labels, zone.names);
  if (asked.kind === 'outside') return true;
  return isReverse(labels, zone.names) && (asked.kind !== 'reverse' || find(asked, zone) === undefined);
}

/** Do CNAMEs lead to a name of ours that was looked at and has nothing of this type? Source: RFC 2308 §2.2. */
function endsInVain(items: readonly Item[], { type, zone }: Ask): boolean {
  const last = items.at(-1)?.record.data;
  if (last?.type !== 'CNAME' || type === TYPE.CNAME || items.length > MAX_HOPS) return false;
  return meaning(last.name.split('.'), zone.names).kind !== 'outside';
}

/** Nothing but a code. */
export const failure = (rcode: Rcode): Reply => said(rcode, false, NOTHING);

const NOTHING = new Parts([]);

const said = (rcode: Rcode, authoritative: boolean, parts: Parts): Reply => ({ rcode, authoritative, parts });

/** What the answer is made of, if of that alone: no name that leads elsewhere, nothing drawn by chance. */
export function lasting({ subject, type, zone }: Ask): Served | undefined {
  if (subject.kind !== 'service') return undefined;
  const { served } = subject;
  if (type === TYPE.SRV) return served.aliases.length === 0 ? served : undefined;
  if (type !== TYPE.A && type !== TYPE.AAAA) return undefined;
  return served.addresses.length > 0 && zone.aRecordLimit === Number.POSITIVE_INFINITY ? served : undefined;
}
