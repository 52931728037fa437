/** Validation of node names, domains, networks, tokens and keys. Each check throws `Error` with a clause. */
import { isUnspecified, parseAddress, parseIp } from '../base/address.ts';
import { encodeUtf8 } from '../base/bytes.ts';

const MAX_NODE_NAME = 128;
const MAX_LABEL_BYTES = 255;

const PRINTABLE_ASCII = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** Control and format characters, and others that nobody sees. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

/** What is wrong with a member's name, as a clause, if it could pass for another or cannot be shown; else `undefined`. */
export function nameProblem(name: string): string | undefined {
  if (PRINTABLE_ASCII.test(name)) return undefined;
  if (/^\s|\s$/u.test(name)) return 'a name must not begin or end with a blank';
  if (UNPRINTABLE.test(name)) return 'a name must not have characters that cannot be printed';
  return name === name.normalize('NFC') ? undefined : 'a name must be in the normal form NFC';
}

/** ASCII without capitals: these names are what they fold to. */
const FOLDED = /^[\x20-\x40\x5b-\x7e]*$/;

/** Equal for names that readers or DNS could take for one another. */
export const foldName = (name: string): string =>
  FOLDED.test(name) ? name : name.normalize('NFKC').toUpperCase().toLowerCase();

/** Differs: Serf refuses other characters than those of a host name if it is set to validate names, and else none. */
export function validateNodeName(name: string): void {
  if (name === '') throw new Error('must not be empty');
  if (encodeUtf8(name).length > MAX_NODE_NAME) throw new Error(`must have at most ${MAX_NODE_NAME} bytes`);
  const problem = nameProblem(name);
  if (problem !== undefined) throw new Error(problem.replace(/^a name must/, 'must'));
}

/** Whether the labels of a node's name are those of a host, so that programs can look it up. */
export const isHostNodeName = (name: string): boolean => /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(name);

/** The host's name as a node name. Characters that are not allowed become `-`. */
export function toNodeName(hostname: string): string {
  const name = hostname
    .replace(/[^A-Za-z0-9.-]+/g, '-')
    .slice(0, MAX_NODE_NAME)
    .replace(/^[-.]+|[-.]+$/g, '');
  return name === '' ? 'node' : name;
}

/** `_serf_NAME` is one DNS label, as multicast DNS has it. */
export function validateClusterName(name: string): void {
  if (!/^[A-Za-z0-9_-]{1,57}$/.test(name)) throw new Error('must be 1 to 57 letters, digits, "-" or "_"');
}

/** One DNS label, so that `web.service.DC.consul` can be queried. */
export function validateDatacenter(name: string): void {
  if (!/^[A-Za-z0-9_-]{1,63}$/.test(name)) throw new Error('must be 1 to 63 letters, digits, "-" or "_"');
}

export function validateDomain(name: string): void {
  const labels = name.replace(/\.$/, '').split('.');
  if (name.length > 253 || !labels.every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label)))
    throw new Error('must be a domain name such as consul or sd.example.org');
}

/** The name of a service, or `off`, which has the form of a name. */
export function validateSelfService(name: string): void {
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(name))
    throw new Error('must be 1 to 128 letters, digits, ".", "_" or "-", or off');
}

/** The IP address of a DNS server, with a port if it is not 53. */
export function validateNameServer(server: string): void {
  const at = parseAddress(server, NAME_SERVER_PORT);
  if (at === undefined || at.port === 0 || isUnspecified(at.ip))
    throw new Error(
      `"${server}" must be the IP address of a DNS server, such as 9.9.9.9 or [2620:fe::fe]:53`,
    );
}

export const NAME_SERVER_PORT = 53;

/** A pattern of service names: a name, `prefix*` or `*`. */
export function validateServicePattern(pattern: string): void {
  if (!/^(?:[A-Za-z0-9._-]{1,128}|[A-Za-z0-9._-]{0,127}\*)$/.test(pattern))
    throw new Error(`"${pattern}" must be the name of a service, prefix* or *`);
}

/** The addresses that share their first `bits`. */
export interface IpNetwork {
  /** 4 or 16 octets; the bits after `bits` are zero. */
  readonly ip: Uint8Array;
  readonly bits: number;
}

/** `10.0.0.0/8` or `fd00::/8`; a lone address is a network of one. Throws `Error` with a clause. */
export function parseCidr(cidr: string): IpNetwork {
  const [literal, digits, ...rest] = cidr.split('/') as [string, string?];
  const ip = parseIp(literal);
  if (ip === undefined || rest.length > 0 || (digits !== undefined && !/^\d{1,3}$/.test(digits)))
    throw new Error(`"${cidr}" is not a network such as 10.0.0.0/8 or fd00::/8`);
  const all = ip.length * 8;
  const bits = digits === undefined ? all : Number(digits);
  if (bits > all) throw new Error(`"${cidr}": an address has only ${all} bits`);
  if (!isInNetwork(ip, { ip, bits })) throw new Error(`"${cidr}" has bits set after the first ${bits}`);
  return { ip, bits };
}

/** Compares within one address family: an IPv4-mapped address must be given as its four octets. */
export const isInNetwork = (ip: Uint8Array, network: IpNetwork): boolean =>
  ip.length === network.ip.length && masked(ip, network.bits).every((octet, i) => octet === network.ip[i]);

const masked = (ip: Uint8Array, bits: number): Uint8Array =>
  ip.map((octet, i) => octet & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))));

/** Throws `Error` with a clause. */
export const validateCidr = (cidr: string): void => void parseCidr(cidr);

export function validateLabel(label: string): void {
  if (encodeUtf8(label).length > MAX_LABEL_BYTES) throw new Error(`must be at most ${MAX_LABEL_BYTES} bytes`);
}

export const validateNotEmpty = (value: string): void => {
  if (value === '') throw new Error('must not be empty');
};

/** Source: Semantic Versioning 2.0.0 §2, with a pre-release or build after it. */
export function validateVersion(version: string): void {
  if (!/^\d{1,9}\.\d{1,9}\.\d{1,9}(?:[-+][0-9A-Za-z.+-]{1,64})?$/.test(version))
    throw new Error('must be a version such as 1.22.0');
}

/** A token is sent in an HTTP header, so it must not contain line breaks. */
export function validateToken(token: string): void {
  if (!/^[\x21-\x7e]{1,512}$/.test(token))
    throw new Error('must be 1 to 512 visible ASCII characters without blanks');
}

/** Characters of a token. 128 bits as hex digits have 32. */
const MIN_TOKEN = 32;

/** A token of this agent, which nobody may guess. Source: S13 (docs/security.md). */
export function validateNewToken(token: string): void {
  validateToken(token);
  if (token.length < MIN_TOKEN)
    throw new Error(`must have at least ${MIN_TOKEN} characters: \`hearsay keygen\` prints a random one`);
}

/** Source: memberlist keyring.go, ValidateKey: 16, 24 or 32 bytes; Serf writes keys as base64. */
export function validateGossipKey(key: string): void {
  const digits = /^([A-Za-z0-9+/]*)={0,2}$/.exec(key)?.[1]?.length;
  const bytes = digits === undefined || key.length % 4 !== 0 ? -1 : Math.floor((digits * 3) / 4);
  if (bytes !== 16 && bytes !== 24 && bytes !== 32)
    throw new Error('must be base64 of 16, 24 or 32 bytes, as `hearsay keygen` prints it');
}

/** The candidate most similar to `key`, if one is similar enough to be a likely typing error. */
export function suggestSimilar(key: string, candidates: Iterable<string>): string | undefined {
  const wanted = foldKey(key);
  let best: string | undefined;
  let bestDistance = wanted.length < 5 ? 2 : 3; // that many edits make another word
  for (const candidate of candidates) {
    const last = candidate.slice(candidate.lastIndexOf('.') + 1);
    const distance = Math.min(editDistance(wanted, foldKey(candidate)), editDistance(wanted, foldKey(last)));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

const foldKey = (key: string): string => key.replace(/[-_.]/g, '').toLowerCase().slice(0, 64);

/** Levenshtein distance, in which two letters in the wrong order are one edit. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? (before[j - 2] as number) + 1 : change;
      next.push(Math.min(change, swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    before = row;
    row = next;
  }
  return row[b.length] as number;
}
