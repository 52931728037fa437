/** Joins the entries of one node into its instances and checks, as readers see them. */
import type { Check, Entry, EntryKey, Service } from '../model/service.ts';
import { instanceStatus } from './health.ts';
import type { Instance, NodeCatalog } from './types.ts';

export interface IndexedNode {
  readonly catalog: NodeCatalog;
  /** By lower-case name of the service. */
  readonly byName: ReadonlyMap<string, readonly Instance[]>;
}

export type OwnerState = Pick<NodeCatalog, 'node' | 'up' | 'unconfirmed'>;

/** An instance that is as it was in `previous` stays the same object. */
export function buildNode(
  state: OwnerState,
  entries: ReadonlyMap<EntryKey, Entry>,
  previous: IndexedNode | undefined,
): IndexedNode {
  const services: Service[] = [];
  const checksByService = new Map<string, Check[]>();
  for (const { value } of entries.values()) {
    if (value?.kind === 'service') services.push(value);
    else if (value?.kind === 'check') push(checksByService, value.serviceId, value);
  }
  services.sort(byId);
  for (const checks of checksByService.values()) checks.sort(byId);
  const nodeChecks = reuseIfEqual(previous?.catalog.checks, checksByService.get('') ?? NO_CHECKS);
  const before = new Map(previous?.catalog.instances.map((instance) => [instance.service.id, instance]));
  const byName = new Map<string, Instance[]>();
  const instances = services.map((service) => {
    const known = before.get(service.id);
    const checks = reuseIfEqual(known?.checks, checksByService.get(service.id) ?? NO_CHECKS);
    const instance =
      known?.service === service &&
      known.checks === checks &&
      known.nodeChecks === nodeChecks &&
      known.up === state.up &&
      known.unconfirmed === state.unconfirmed
        ? known
        : createInstance(state, service, checks, nodeChecks);
    push(byName, service.name.toLowerCase(), instance);
    return instance;
  });
  const { node, up, unconfirmed } = state;
  return { catalog: { node, up, unconfirmed, instances, checks: nodeChecks }, byName };
}

const NO_CHECKS: readonly Check[] = [];

function createInstance(
  { node, up, unconfirmed }: OwnerState,
  service: Service,
  checks: readonly Check[],
  nodeChecks: readonly Check[],
): Instance {
  const status = instanceStatus(service, checks, nodeChecks, up);
  return { node, service, checks, nodeChecks, up, status, unconfirmed };
}

/** The previous array if it holds the same checks, so that readers can compare by identity. */
const reuseIfEqual = (previous: readonly Check[] | undefined, now: readonly Check[]): readonly Check[] =>
  previous !== undefined && previous.length === now.length && previous.every((check, i) => check === now[i])
    ? previous
    : now;

function push<K, V>(into: Map<K, V[]>, key: K, value: V): void {
  const list = into.get(key);
  if (list === undefined) into.set(key, [value]);
  else list.push(value);
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
