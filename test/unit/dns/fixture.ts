/** A view of plain data, a DNS server over it on loopback, and a client. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type Answer, type DecodedPacket, decode, encode, type OptAnswer, type Question } from 'dns-packet';
import type { MemberView, Readiness, View } from '../../../src/agent/contract/view.ts';
import { parseIp, toAddress } from '../../../src/base/address.ts';
import { createRng } from '../../../src/base/rng.ts';
import type { DnsOptions } from '../../../src/dns/options.ts';
import { type DnsServer, startDns } from '../../../src/dns/server/server.ts';
import { ZONE_DEFAULTS, type ZonePlan } from '../../../src/locality/zone-planner.ts';
import { catalogOf, type NodeRow, type ServiceRow } from './catalog.ts';

/** Nodes on IPv4, `d5` on IPv6, and some with special names, states or forms of address. */
export const TABLE: readonly NodeRow[] = [
  { name: 'd1', ip: '10.0.0.1', tags: { role: 'db', 'a=b': 'x`y', 'rfc1035-note': 'v=plain' } },
  { name: 'd2', ip: '10.0.0.2' },
  { name: 'd3', ip: '10.0.0.3', status: 'suspect' },
  { name: 'd4', ip: '10.0.0.4', status: 'failed' },
  { name: 'd5', ip: 'fd00::5' },
  { name: 'gone', ip: '10.0.0.7', status: 'left' },
  { name: 'rack.one', ip: '10.0.0.8', status: 'failed' },
  { name: 'mapped', ip: '::ffff:10.0.0.9', status: 'leaving' },
  { name: 'two words', ip: '10.0.0.10', status: 'failed' },
];

export interface FakeView extends View {
  /** Replaces the members, like a change of membership. */
  setMembers(rows: readonly NodeRow[]): void;
  /** Replaces the services. */
  setServices(services: readonly ServiceRow[]): void;
  /** Which availability zones are preferred for every service; none at first. */
  setPlan(plan: ZonePlan | undefined): void;
  /** Ready at first. */
  setReadiness(readiness: Readiness): void;
}

export function viewOf(rows: readonly NodeRow[], services: readonly ServiceRow[] = []): FakeView {
  const external = rows.filter(({ isExternal }) => isExternal === true);
  let members: readonly MemberView[] = rows.filter((row) => !external.includes(row)).map(memberOf);
  let catalog = catalogOf(services, external);
  let readiness: Readiness = { ready: true };
  let suspects = suspectsIn(members);
  const index = { nodes: 1, services: 1 };
  let zonePlan: ZonePlan | undefined;
  const nobody = (): never => {
    throw new Error('DNS does not read this');
  };
  return {
    get node() {
      return (members[0] as MemberView).name;
    },
    get address() {
      return (members[0] as MemberView).address;
    },
    self: () => members[0] as MemberView,
    members: () => members,
    member: (name) =>
      members.find((member) => member.name === name) ??
      members.find((member) => member.name.toLowerCase() === name.toLowerCase()),
    indexOf: (topics) =>
      Math.max(1, ...topics.map((topic) => (topic === 'nodes' ? index.nodes : index.services))),
    changesAfter: nobody,
    partitionSummary: nobody,
    health: nobody,
    readiness: () => readiness,
    suspects: () => suspects,
    restoredAt: () => undefined,
    zones: {
      settings: ZONE_DEFAULTS,
      zoneOf: (node) => members.find(({ name }) => name === node)?.tags.get('zone') ?? null,
      plan: () => zonePlan,
    },
    evidence: nobody,
    investigation: nobody,
    diagnose: nobody,
    links: nobody,
    linkSurvey: nobody,
    coordinate: nobody,
    userEvents: nobody,
    userEventIndex: () => 1,
    queryReport: nobody,
    keyOperationReport: nobody,
    gossipKey: nobody,
    pendingQueries: nobody,
    syncStatus: nobody,
    get catalog() {
      return catalog;
    },
    get local() {
      return nobody();
    },
    get jobs() {
      return nobody();
    },
    get partitions() {
      return nobody();
    },
    setMembers: (next) => {
      members = next.map(memberOf);
      suspects = suspectsIn(members);
      index.nodes++;
    },
    setPlan: (next) => {
      zonePlan = next;
    },
    setReadiness: (next) => {
      readiness = next;
    },
    setServices: (next) => {
      catalog = catalogOf(next);
      index.services++;
    },
  };
}

const suspectsIn = (members: readonly MemberView[]): ReadonlySet<string> =>
  new Set(members.filter(({ status }) => status === 'suspect').map(({ name }) => name));

function memberOf({ name, ip, status = 'alive', tags = {} }: NodeRow): MemberView {
  const octets = parseIp(ip);
  if (octets === undefined) throw new Error(`not an address: ${ip}`);
  const at = toAddress(octets, 7946);
  const state =
    status === 'failed' ? 'dead' : status === 'left' ? 'left' : status === 'suspect' ? 'suspect' : 'alive';
  const identity = { name, address: at, meta: new Uint8Array(0), vsn: new Uint8Array(6) };
  const member = { identity, state, incarnation: 1, since: 0 } as const;
  const tagMap = new Map(Object.entries(tags));
  const serfStatus = status === 'suspect' || status === 'away' ? 'alive' : status;
  return {
    ...member,
    name,
    address: at,
    tags: tagMap,
    status,
    serf: { name, status: serfStatus, statusLTime: 1, downAt: undefined, member, tags: tagMap },
    vsn: identity.vsn,
  };
}

export interface TestServer extends DnsServer {
  readonly host: string;
  readonly port: number;
  readonly view: FakeView;
}

/** A server on a free port, with main domain `consul` and datacenter `dc1`, by default over `TABLE`. */
export async function startServer(
  options: Partial<DnsOptions> = {},
  rows: readonly NodeRow[] = TABLE,
  services: readonly ServiceRow[] = [],
): Promise<TestServer> {
  const view = viewOf(rows, services);
  const server = await startDns({
    listen: { host: '127.0.0.1', port: 0 },
    view,
    domain: 'consul.',
    datacenter: 'dc1',
    nodeTtlSeconds: 0,
    serial: () => 1_700_000_000,
    rng: createRng(7),
    ...options,
  });
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(server.address) ?? [];
  return { ...server, host, port: Number(port), view };
}

export interface QueryOptions {
  readonly id?: number;
  readonly flags?: number;
  readonly class?: Question['class'];
  /** Size in the OPT; absent: no OPT. */
  readonly edns?: number;
  readonly opt?: Partial<OptAnswer>;
  readonly tcp?: boolean;
}

const RD = 0x0100;

export function queryBytes(name: string, type: string, query: QueryOptions = {}): Buffer {
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: query.edns ?? 1232,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
    ...query.opt,
  } as const;
  return encode({
    type: 'query',
    id: query.id ?? 4711,
    flags: query.flags ?? RD,
    questions: [{ name, type: type as Question['type'], class: query.class ?? 'IN' }],
    additionals: query.edns === undefined && query.opt === undefined ? [] : [opt as OptAnswer],
  });
}

/** Negative answers as `answerTo` formats them. */
export const NODATA = 'NOERROR | authority SOA';
export const NXDOMAIN = 'NXDOMAIN | authority SOA';

/** Sends a query and decodes the response. `question` is `name type`. */
export async function sendQuery(
  server: TestServer,
  question: string,
  query: QueryOptions = {},
): Promise<DecodedPacket> {
  const [name = '', type = 'A'] = question.split(' ');
  const bytes = queryBytes(name, type, query);
  return decode(query.tcp === true ? await sendTcp(server, bytes) : await sendUdp(server, bytes));
}

/** A response as text, RCODE and sorted sections: `NXDOMAIN | authority SOA`. */
export async function answerTo(
  server: TestServer,
  question: string,
  query: QueryOptions = {},
): Promise<string> {
  const packet = await sendQuery(server, question, query);
  const answers = (packet.answers ?? []).map(formatRecord).sort();
  const authority = (packet.authorities ?? []).map(({ type }) => type);
  const additional = (packet.additionals ?? [])
    .filter((record) => record.type !== 'OPT')
    .map((record) => `+ ${record.name} ${formatRecord(record)}`)
    .sort();
  return [rcodeOf(packet), ...answers, ...authority.map((words) => `authority ${words}`), ...additional].join(
    ' | ',
  );
}

/** The RCODE with the upper bits that the OPT has. */
export function rcodeOf(packet: DecodedPacket): string {
  const opt = optOf(packet);
  if (opt?.extendedRcode === 1) return 'BADVERS';
  // @types/dns-packet does not know the field that decode() sets.
  return (packet as unknown as { rcode: string }).rcode;
}

export const optOf = (packet: DecodedPacket): OptAnswer | undefined =>
  packet.additionals?.find((record): record is OptAnswer => record.type === 'OPT');

export function formatRecord(record: Answer): string {
  if (record.type === 'OPT') return 'OPT';
  if (record.type === 'TXT') return `TXT ${[record.data].flat().join('')}`;
  if (record.type === 'SOA') return `SOA ${record.data.mname} ${record.data.rname} ${record.data.serial}`;
  if (record.type === 'SRV')
    return `SRV ${record.data.priority} ${record.data.weight} ${record.data.port} ${record.data.target}`;
  return `${record.type} ${typeof record.data === 'string' ? record.data : JSON.stringify(record.data)}`;
}

/** Sends one datagram and returns the first one that comes back. */
export function sendUdp(server: TestServer, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', reject);
    socket.once('message', (message) => {
      socket.close();
      resolve(message);
    });
    socket.send(bytes, server.port, server.host);
  });
}

/** Sends one framed message and returns the first one that comes back. */
export async function sendTcp(server: TestServer, bytes: Uint8Array): Promise<Buffer> {
  const [answer] = await exchangeTcp(server, [frame(bytes)], 1);
  return answer as Buffer;
}

export function frame(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Writes the pieces, each in its own turn of the event loop, and returns the first `count` messages that come back. */
export function exchangeTcp(
  server: TestServer,
  pieces: readonly Uint8Array[],
  count: number,
): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const messages: Buffer[] = [];
    let received: Buffer = Buffer.alloc(0);
    const socket = connect({ host: server.host, port: server.port, noDelay: true }, () => {
      const next = (i: number): void => {
        const piece = pieces[i];
        if (piece !== undefined) socket.write(piece, () => setImmediate(next, i + 1));
      };
      next(0);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${messages.length} of ${count} messages`)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        messages.push(received.subarray(2, end));
        received = received.subarray(end);
      }
      if (messages.length < count) return;
      resolve(messages);
      socket.destroy();
    });
  });
}
