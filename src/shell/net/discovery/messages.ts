/** What agents of one cluster name say of themselves by multicast DNS, as Serf does: a PTR, SRV, TXT and address record. */
import type { Answer, Question, SrvAnswer, StringAnswer } from 'dns-packet';
import { type Address, isUnspecified, parseIp, toAddress } from '../../../base/address.ts';

/** Seconds for which a record may be kept. */
const TTL = 120;
const MAX_LABEL = 63;
/** Records of one message that are looked at; an agent is told of by four. */
const MAX_RECORDS = 256;
const MAX_QUESTIONS = 16;

/** Everything an agent announces; only the address may change while it runs. */
export interface Announcement {
  readonly cluster: string;
  readonly node: string;
  readonly address: Address;
}

export const serviceName = (cluster: string): string => `_serf_${cluster}._tcp.local`;

/** The node's name if it is one label; else what is left of it, and the address, which no other agent has. */
function nodeLabel({ node, address }: Announcement): string {
  if (node.length <= MAX_LABEL && /^[A-Za-z0-9-]+$/.test(node)) return node;
  const unique = `-${Buffer.from(address.ip).toString('hex')}-${address.port}`;
  return `${node.replace(/[^A-Za-z0-9-]+/g, '-').slice(0, MAX_LABEL - unique.length)}${unique}`;
}

/** The records that answer these questions; none if they are about something else. */
export function answersTo(questions: readonly Question[], own: Announcement): Answer[] {
  const service = serviceName(own.cluster);
  const label = nodeLabel(own);
  const [instance, target] = [`${label}.${service}`, `${label}.local`];
  const { host, port } = own.address;
  const isMatch = ({ name, type }: Question): boolean => {
    const [asked, kind] = [name.toLowerCase(), String(type)];
    if (asked === service.toLowerCase()) return kind === 'PTR' || kind === 'ANY';
    return asked === instance.toLowerCase() && ['SRV', 'TXT', 'ANY'].includes(kind);
  };
  if (!questions.slice(0, MAX_QUESTIONS).some(isMatch)) return [];
  return [
    { name: service, type: 'PTR', ttl: TTL, data: instance },
    { name: instance, type: 'SRV', ttl: TTL, data: { priority: 10, weight: 1, port, target } },
    { name: target, type: host.includes(':') ? 'AAAA' : 'A', ttl: TTL, data: host },
    { name: instance, type: 'TXT', ttl: TTL, data: [`Serf '${own.cluster}' cluster`] },
  ];
}

/** The addresses of agents of this cluster name that a response tells. Records that belong to nothing are passed over. */
export function addressesIn(records: readonly Answer[], cluster: string): Address[] {
  const some = records.slice(0, MAX_RECORDS);
  const service = serviceName(cluster).toLowerCase();
  const instances = new Set(
    some.filter(isPointer).flatMap(({ name, data }) => (same(name, service) ? [data.toLowerCase()] : [])),
  );
  const servers = some.filter(isServer).filter(({ name }) => instances.has(name.toLowerCase()));
  const found = servers.flatMap(({ data: { target, port } }) =>
    some
      .filter(isHost)
      .filter(({ name }) => same(name, target))
      .flatMap(({ data }) => toDialable(data, port)),
  );
  return [...new Map(found.map((address) => [address.key, address])).values()];
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const isPointer = (record: Answer): record is StringAnswer =>
  record.type === 'PTR' && typeof record.data === 'string';

const isServer = (record: Answer): record is SrvAnswer =>
  record.type === 'SRV' && typeof record.data?.target === 'string';

const isHost = (record: Answer): record is StringAnswer =>
  (record.type === 'A' || record.type === 'AAAA') && typeof record.data === 'string';

/** Empty for what no agent can have as its address: port 0, all addresses, multicast. */
function toDialable(host: string, port: number): Address[] {
  const ip = parseIp(host);
  if (ip === undefined || isUnspecified(ip) || !Number.isInteger(port) || port < 1 || port > 65_535)
    return [];
  const first = ip[0] as number;
  const isMulticast = ip.length === 4 ? first >= 224 : first === 0xff;
  return isMulticast ? [] : [toAddress(ip, port)];
}
