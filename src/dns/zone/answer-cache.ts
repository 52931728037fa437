/** Answers about services that were made before: kept as parts for as long as what they are made of stands. */
import type { Parts } from '../message/compiled-records.ts';
import { TYPE } from '../message/records.ts';
import type { Served } from './endpoints.ts';
import type { Ask } from './zone.ts';

interface Kept {
  readonly type: number;
  /** As it was spelled. */
  readonly domain: string;
  /** It was made for an asker that could be sent so many. */
  readonly most: number;
  readonly parts: Parts;
}

/** Records kept in all, some 600 octets each. Strangers may ask for everything we have, in any spelling. */
const MAX_RECORDS = 16_384;

export class KeptParts {
  /** `Served` is another one as soon as anything about it changes; the old one takes its parts along. */
  #kept = new WeakMap<Served, readonly Kept[]>();
  #records = 0;

  /** What `make` gives, or gave when it was asked the same. More than `ask.most` items may be in it. */
  parts(ask: Ask, make: () => Parts): Parts {
    const served = lasting(ask);
    if (served === undefined) return make();
    const { type, domain, most } = ask;
    const all = this.#kept.get(served) ?? [];
    for (const one of all)
      if (one.type === type && one.domain === domain && isEnough(one, most)) return one.parts;
    const parts = make();
    if (parts.authority.length > 0) return parts; // an SOA has its time
    this.#records += recordsIn(parts);
    if (this.#records > MAX_RECORDS) {
      this.#kept = new WeakMap();
      this.#records = recordsIn(parts);
    }
    const others = (this.#kept.get(served) ?? []).filter((one) => one.type !== type || one.domain !== domain);
    this.#kept.set(served, [{ type, domain, most, parts }, ...others]);
    return parts;
  }
}

/** What the answer is made of, if of that alone: no name that leads elsewhere, nothing drawn by chance. */
function lasting({ subject, type, zone }: Ask): Served | undefined {
  if (subject.kind !== 'service') return undefined;
  const { served } = subject;
  if (type === TYPE.SRV) return served.aliases.length === 0 ? served : undefined;
  if (type !== TYPE.A && type !== TYPE.AAAA) return undefined;
  return served.addresses.length > 0 && zone.aRecordLimit === Number.POSITIVE_INFINITY ? served : undefined;
}

const isEnough = ({ parts, most: made }: Kept, most: number): boolean =>
  made >= most || parts.items.length < made;

const recordsIn = ({ items }: Parts): number => items.reduce((sum, { glue }) => sum + 1 + glue.length, 0);
