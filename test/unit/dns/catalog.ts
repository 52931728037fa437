/** A catalog view of plain data, and the services that tests query. */
import type { MemberView } from '../../../src/agent/contract/view.ts';
import type { CatalogView, ExternalNodeView, Instance, InstanceStatus } from '../../../src/catalog/types.ts';
import type { ServicePort } from '../../../src/model/service.ts';

export interface NodeRow {
  readonly name: string;
  readonly ip: string;
  readonly status?: MemberView['status'];
  readonly tags?: Readonly<Record<string, string>>;
  /** It is no member, and `ip` its address or host name. */
  readonly isExternal?: boolean;
}

export interface ServiceRow {
  readonly node: string;
  readonly name: string;
  readonly id?: string;
  readonly address?: string;
  readonly port?: number;
  readonly ports?: readonly ServicePort[];
  readonly tags?: readonly string[];
  readonly status?: InstanceStatus;
  readonly unconfirmed?: boolean;
  /** Passing and warning. */
  readonly weights?: readonly [number, number];
}

/** The nodes that DNS tests query. */
export const NODES: readonly NodeRow[] = [
  ...[1, 2, 3, 4].map((n) => ({ name: `d${n}`, ip: `10.0.0.${n}` })),
  { name: 'd5', ip: 'fd00::5' },
  { name: 'd6', ip: '10.0.0.6' },
  { name: 'd11', ip: '10.0.0.11' },
];

const named = (name: string, port: number): ServicePort => ({ name, port, isDefault: name === 'http' });

/** The services that DNS tests query. */
export const SERVICES: readonly ServiceRow[] = [
  { node: 'd1', name: 'web', port: 8080, tags: ['v1', 'blue'] },
  { node: 'd2', name: 'web', port: 8081, tags: ['v2'], address: '10.9.9.2' },
  { node: 'd3', name: 'web', port: 8082, tags: ['v1'], status: 'warning', weights: [10, 2] },
  { node: 'd4', name: 'web', port: 8083, tags: ['v1'], status: 'critical' },
  { node: 'd5', name: 'six', port: 6000 },
  { node: 'd6', name: 'six', port: 6001, address: 'fd00::6' },
  { node: 'd1', name: 'hostsvc', port: 443, address: 'backend.example.com' },
  { node: 'd11', name: 'self', port: 9000, address: 'self.service.consul' },
  { node: 'd1', name: 'alias', port: 80, address: 'web.service.consul' },
  { node: 'd1', name: 'dup', id: 'dup-a', port: 1000 },
  { node: 'd1', name: 'dup', id: 'dup-b', port: 1001 },
  { node: 'd1', name: 'dup', id: 'dup-c', port: 1000 },
  { node: 'd1', name: 'wtd', port: 1, weights: [10, 1] },
  { node: 'd2', name: 'wtd', port: 2, weights: [10, 3], status: 'warning' },
  { node: 'd1', name: 'dead', port: 5, status: 'critical' },
  { node: 'd1', name: 'mixed', port: 7, tags: ['tag.dot'] },
  { node: 'd1', name: 'multi', port: 80, ports: [named('http', 80), named('metrics', 9100)] },
  { node: 'd2', name: 'multi', port: 81, ports: [named('http', 81)] },
];

/** `n` instances of `big`, each on a node of its own. */
export const bigService = (n: number): { nodes: NodeRow[]; services: ServiceRow[] } => ({
  nodes: Array.from({ length: n }, (_, i) => ({ name: `node-${i}`, ip: `10.1.${i >> 8}.${i & 255}` })),
  services: Array.from({ length: n }, (_, i) => ({ node: `node-${i}`, name: 'big', port: 8000 + i })),
});

/** A node that is no member; its address may be a host name. */
const externalNodeOf = ({ name, ip, tags = {} }: NodeRow): ExternalNodeView => ({
  ...{ name, address: ip, taggedAddresses: new Map(), meta: new Map(Object.entries(tags)) },
  ...{ id: '', registeredAt: 1, owner: 'd1', up: true },
});

export function catalogOf(rows: readonly ServiceRow[], nodes: readonly NodeRow[] = []): CatalogView {
  const external = nodes.map(externalNodeOf);
  const all = new Map<string, Instance[]>();
  const usable = new Map<string, Instance[]>();
  const tags = new Map<string, string[]>();
  for (const row of rows) {
    const instance = instanceOf(row);
    const key = row.name.toLowerCase();
    all.set(key, [...(all.get(key) ?? []), instance]);
    if (instance.status === 'passing' || instance.status === 'warning')
      usable.set(key, [...(usable.get(key) ?? []), instance]);
    tags.set(row.name, [...new Set([...(tags.get(row.name) ?? []), ...(row.tags ?? [])])].sort());
  }
  const nobody = (): never => {
    throw new Error('DNS does not read this');
  };
  return {
    services: () => tags,
    instances: (service) => all.get(service.toLowerCase()) ?? NONE,
    usable: (service) => usable.get(service.toLowerCase()) ?? NONE,
    node: nobody,
    nodes: nobody,
    statusSince: () => undefined,
    externalNode: (name) => external.find((one) => one.name.toLowerCase() === name.toLowerCase()),
    externalNodes: () => external,
    size: rows.length,
  };
}

const NONE: readonly Instance[] = [];

function instanceOf(row: ServiceRow): Instance {
  const { node, name, id = name, address = '', port = 80, tags = [], status = 'passing' } = row;
  const [passing, warning] = row.weights ?? [1, 1];
  return {
    node,
    service: {
      kind: 'service',
      id,
      name,
      tags,
      address,
      port,
      ports: row.ports ?? [],
      taggedAddresses: new Map(),
      meta: new Map(),
      weights: { passing, warning },
      enableTagOverride: false,
      draining: status === 'draining',
    },
    checks: [],
    nodeChecks: [],
    up: true,
    status,
    unconfirmed: row.unconfirmed ?? false,
  };
}
