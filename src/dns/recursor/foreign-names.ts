/**
 * Addresses of host names outside our domains. A service may be registered with such a name, and stub resolvers do not
 * follow a CNAME that comes without the addresses behind it.
 */
import {
  type DnsName,
  RECORD_TYPE,
  type RecordData,
  type ResourceRecord,
  toAddressData,
} from '../message/records.ts';
import type { DnsQuestion } from '../message/request.ts';
import type { ForeignLookup } from '../zone/zone.ts';
import { parseRecursorMessage, readName } from './incoming.ts';
import type { ForwardableRequest } from './outgoing.ts';
import type { Recursor } from './recursor.ts';

/** Most names that one query of a client may cause to be looked up. */
const MAX_NAMES = 8;
const MAX_CNAME_HOPS = 8;

/** What one answer needs to know of foreign names. `records` notes the names that `resolve` has to look up. */
export class ForeignNames implements ForeignLookup {
  readonly #known = new Map<DnsName, readonly ResourceRecord[]>();
  readonly #missing = new Set<DnsName>();

  records(name: DnsName): readonly ResourceRecord[] {
    const key = name.toLowerCase();
    const known = this.#known.get(key);
    if (known === undefined && this.#known.size + this.#missing.size < MAX_NAMES) this.#missing.add(key);
    return known ?? [];
  }

  get isComplete(): boolean {
    return this.#missing.size === 0;
  }

  /** Looks up what was missing, each name by each of `types`. Never rejects: a name that is not found has no records. */
  async resolve(recursor: Recursor, types: readonly number[]): Promise<void> {
    const names = [...this.#missing];
    this.#missing.clear();
    await Promise.all(
      names.map(async (name) => {
        const found = await Promise.all(types.map((type) => lookUp(recursor, name, type)));
        this.#known.set(name, uniqueCnames(found.flat()));
      }),
    );
  }
}

async function lookUp(recursor: Recursor, name: DnsName, type: number): Promise<ResourceRecord[]> {
  const question = toQuestion(name, type);
  const request: ForwardableRequest = {
    ...{ id: 0, opcode: 0, recursionDesired: true, authenticData: false, checkingDisabled: false },
    ...{ byteLength: 0, errorRcode: undefined, question },
    edns: { udpPayloadSize: 1232, version: 0, dnssecOk: false, clientSubnet: undefined },
  };
  const response = await recursor.resolve(request, 'udp');
  const records = typeof response === 'string' ? undefined : recordsBehind(response, name);
  if (records !== undefined) return records;
  const complete = await recursor.resolve(request, 'tcp');
  return typeof complete === 'string' ? [] : (recordsBehind(complete, name) ?? []);
}

function toQuestion(name: DnsName, type: number): DnsQuestion {
  const labels = name.split('.');
  const end = Buffer.from([0, type >> 8, type & 0xff, 0, 1]);
  const raw = Buffer.concat([
    ...labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label)]),
    end,
  ]);
  return { labels, type, raw };
}

/** The CNAME chain from `name`, and the addresses at its end. `undefined`: the response is truncated. */
function recordsBehind(bytes: Buffer, name: DnsName): ResourceRecord[] | undefined {
  const message = parseRecursorMessage(bytes);
  if (message === undefined) return [];
  if (message.truncated) return undefined;
  const answers = message.records
    .filter(({ section }) => section === 'answer')
    .map(({ owner, type, ttlSeconds, ttlOffset, end }) => ({
      owner: owner.join('.'),
      ttlSeconds,
      data: readData(bytes, type, ttlOffset + 6, end),
    }));
  const chain: ResourceRecord[] = [];
  let at = name;
  for (let hops = 0; hops < MAX_CNAME_HOPS; hops++) {
    const cname = answers.find(({ owner, data }) => owner === at && data?.type === 'CNAME');
    if (cname?.data?.type !== 'CNAME') break;
    chain.push({ ...cname, data: cname.data });
    at = cname.data.name;
  }
  const addresses = answers.flatMap(({ owner, ttlSeconds, data }) =>
    owner === at && (data?.type === 'A' || data?.type === 'AAAA') ? [{ owner, ttlSeconds, data }] : [],
  );
  return addresses.length === 0 ? [] : [...chain, ...addresses];
}

function readData(bytes: Buffer, type: number, from: number, end: number): RecordData | undefined {
  const length = end - from;
  if ((type === RECORD_TYPE.A && length === 4) || (type === RECORD_TYPE.AAAA && length === 16))
    return toAddressData(Uint8Array.from(bytes.subarray(from, end)));
  if (type !== RECORD_TYPE.CNAME) return undefined;
  const name = readName(bytes, from)?.labels.join('.');
  return name === undefined || name === '' ? undefined : { type: 'CNAME', name };
}

/** The chains of A and AAAA are mostly the same. */
const uniqueCnames = (records: readonly ResourceRecord[]): ResourceRecord[] => {
  const seen = new Set<ResourceRecord['owner']>();
  return records.filter(({ owner, data }) => {
    if (data.type !== 'CNAME') return true;
    const isNew = !seen.has(owner);
    seen.add(owner);
    return isNew;
  });
};
