/** DNS constants and the resource records this server can send. `encode.ts` turns them into bytes. */

/** Record types by number. Source: RFC 1035 §3.2.2, RFC 3596, RFC 2782, RFC 6891, RFC 5936. */
export const RECORD_TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

/** Source: RFC 1035 §3.2.4. */
export const CLASS = { IN: 1, CH: 3, ANY: 255 } as const;

/** Source: RFC 1035 §4.1.1; `BADVERS` needs an OPT: RFC 6891 §6.1.3. */
export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

/** Option code. Source: RFC 7871 §6. */
export const EDNS_CLIENT_SUBNET = 8;

/** Dotted, without the final dot; `''` is the root. No label may contain a dot. */
export type DnsName = string;

/** An owner that repeats the name in the question, in its letter case. */
export const QUESTION_NAME: unique symbol = Symbol('the name in the question');

export interface ResourceRecord {
  readonly owner: DnsName | typeof QUESTION_NAME;
  readonly ttlSeconds: number;
  readonly data: RecordData;
}

export type RecordData = Readonly<
  | AddressData
  | { type: 'NS' | 'PTR' | 'CNAME'; name: DnsName }
  | { type: 'SRV'; priority: number; weight: number; port: number; target: DnsName }
  /** The encoder splits `text` into character-strings of 255 bytes. */
  | { type: 'TXT'; text: Uint8Array }
  | { type: 'HINFO'; cpu: string; os: string }
  | ({ type: 'SOA'; mname: DnsName; rname: DnsName; serial: number } & SoaTimers)
>;

/** `ip` has 4 bytes for `A`, 16 for `AAAA`. */
export type AddressData = Readonly<{ type: 'A' | 'AAAA'; ip: Uint8Array }>;

export interface SoaTimers {
  readonly refreshSeconds: number;
  readonly retrySeconds: number;
  readonly expireSeconds: number;
  /** TTL of negative answers, and of the SOA itself. Source: RFC 2308 §4. */
  readonly minimumSeconds: number;
}

/** One answer, and the records that go with it into the additional section, such as the addresses of an SRV target. */
export interface AnswerItem {
  readonly record: ResourceRecord;
  readonly additionals: readonly ResourceRecord[];
  /** It comes after the others, and is left out first. */
  readonly last?: boolean;
}

/** Answers without additional records. */
export const toAnswerItems = (...data: readonly { ttlSeconds: number; data: RecordData }[]): AnswerItem[] =>
  data.map((one) => ({ record: { owner: QUESTION_NAME, ...one }, additionals: [] }));

/** Equal for an IPv4 address and its mapped IPv6 form. */
export const toIpKey = (ip: Uint8Array): string => toAddressData(ip).ip.join('.');

/** `A` for 4 bytes and for IPv4-mapped IPv6 addresses, else `AAAA`. */
export function toAddressData(ip: Uint8Array): AddressData {
  if (ip.length === 4) return { type: 'A', ip };
  const mapped = ip.subarray(0, 10).every((byte) => byte === 0) && ip[10] === 0xff && ip[11] === 0xff;
  return mapped ? { type: 'A', ip: ip.subarray(12) } : { type: 'AAAA', ip };
}
