/** Services and checks as plain data, and a catalog that is a plain list of instances. */
import type { CatalogView, ExternalNodeView, Instance, NodeCatalog } from '../../../src/catalog/types.ts';
import type {
  CheckDefinition,
  CheckProbe,
  LocalCheck,
  LocalLease,
  LocalService,
  LocalView,
} from '../../../src/checks/types.ts';
import type { Check, Service, ServiceDefinition } from '../../../src/model/service.ts';

export function service(name: string, changes: Partial<Service> = {}): Service {
  return {
    kind: 'service',
    id: name,
    name,
    tags: [],
    address: '',
    port: 80,
    ports: [],
    taggedAddresses: new Map(),
    meta: new Map(),
    weights: { passing: 1, warning: 1 },
    enableTagOverride: false,
    draining: false,
    ...changes,
  };
}

export function check(id: string, changes: Partial<Check> = {}): Check {
  return {
    kind: 'check',
    id,
    name: `check ${id}`,
    status: 'passing',
    notes: '',
    output: '',
    serviceId: '',
    type: 'ttl',
    interval: '',
    timeout: '',
    ...changes,
  };
}

export const instance = (node: string, of: Service, changes: Partial<Instance> = {}): Instance => ({
  node,
  service: of,
  checks: [],
  nodeChecks: [],
  up: true,
  status: 'passing',
  unconfirmed: false,
  ...changes,
});

/** A catalog whose content is `held`; nothing is cached between two reads. */
export class PlainCatalog implements CatalogView {
  held: Instance[] = [];
  /** Nodes with checks and without services. */
  bare: NodeCatalog[] = [];
  /** How often a list of instances was read. */
  reads = 0;

  services(): ReadonlyMap<string, readonly string[]> {
    const tags = new Map<string, string[]>();
    for (const { service: one } of this.held)
      tags.set(one.name, [...new Set([...(tags.get(one.name) ?? []), ...one.tags])].sort());
    return new Map([...tags].sort());
  }

  instances(name: string): readonly Instance[] {
    this.reads += 1;
    return this.held.filter((one) => one.service.name.toLowerCase() === name.toLowerCase());
  }

  usable(name: string): readonly Instance[] {
    return this.instances(name).filter(({ status }) => status === 'passing' || status === 'warning');
  }

  node(name: string): NodeCatalog | undefined {
    return [...this.nodes()].find(({ node }) => node === name);
  }

  *nodes(): Iterable<NodeCatalog> {
    for (const node of new Set(this.held.map((one) => one.node))) {
      const instances = this.held.filter((one) => one.node === node);
      const [{ up, unconfirmed: warm, nodeChecks: checks }] = instances as [Instance];
      yield { node, up, unconfirmed: warm, instances, checks };
    }
    yield* this.bare;
  }

  external: ExternalNodeView[] = [];

  externalNode(name: string): ExternalNodeView | undefined {
    return this.external.find((one) => one.name.toLowerCase() === name.toLowerCase());
  }

  externalNodes(): Iterable<ExternalNodeView> {
    return this.external;
  }

  readonly seen = new Map<string, number>();

  statusSince(node: string, key: string): number | undefined {
    return this.seen.get(`${node} ${key}`);
  }

  get size(): number {
    return this.held.length;
  }
}

export class PlainLocal implements LocalView {
  readonly #services = new Map<string, LocalService>();
  readonly #checks = new Map<string, LocalCheck>();
  readonly #leases = new Map<string, LocalLease>();

  services(): Map<string, LocalService> {
    return this.#services;
  }

  checks(): Map<string, LocalCheck> {
    return this.#checks;
  }

  leases(): Map<string, LocalLease> {
    return this.#leases;
  }

  /** Registers without validation. */
  put(of: Service, ...checks: LocalCheck[]): void {
    const { kind: _, draining, ...definition } = of;
    this.#services.set(of.id, {
      definition: definition satisfies ServiceDefinition,
      fromFile: false,
      draining,
    });
    for (const one of checks) this.#checks.set(one.definition.id, one);
  }
}

export function localCheck(
  id: string,
  changes: Partial<CheckDefinition> = {},
  state: Partial<Omit<LocalCheck, 'definition'>> = {},
): LocalCheck {
  const probe: CheckProbe = { kind: 'ttl', ttl: 10_000 };
  const definition: CheckDefinition = {
    id,
    name: `check ${id}`,
    notes: '',
    serviceId: '',
    probe,
    interval: 0,
    timeout: 0,
    initial: 'critical',
    successBeforePassing: 1,
    failuresBeforeWarning: 1,
    failuresBeforeCritical: 1,
    deregisterCriticalAfter: 0,
    outputMaxBytes: 4096,
    ...changes,
  };
  return { definition, status: 'passing', output: '', fromFile: false, ...state };
}
