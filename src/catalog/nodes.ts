/** One node's instances and checks, joined from its entries for readers. When to do so is view.ts's to say. */
import type { Check, Entry, EntryKey, Service } from '../model/service.ts';
import { instanceStatus } from './health.ts';
import type { Instance, NodeCatalog } from './types.ts';

export interface IndexedNode {
  readonly catalog: NodeCatalog;
  /** By lower-case name of the service. */
  readonly byName: ReadonlyMap<string, readonly Instance[]>;
}

/** One node from its entries. What is as it was in `old` stays the same object. */
export function buildNode(
  owner: string,
  entries: ReadonlyMap<EntryKey, Entry>,
  up: boolean,
  warm: boolean,
  old: IndexedNode | undefined,
): IndexedNode {
  const services: Service[] = [];
  const ofService = new Map<string, Check[]>();
  let nodeChecks: readonly Check[] = [];
  for (const { value } of entries.values()) {
    if (value?.kind === 'service') services.push(value);
    else if (value?.kind === 'check') push(ofService, value.serviceId, value);
  }
  services.sort(byId);
  for (const checks of ofService.values()) checks.sort(byId);
  nodeChecks = reuseIfEqual(old?.catalog.checks, ofService.get('') ?? NO_CHECKS);
  const before = new Map(old?.catalog.instances.map((instance) => [instance.service.id, instance]));
  const byName = new Map<string, Instance[]>();
  const instances = services.map((service) => {
    const known = before.get(service.id);
    const checks = reuseIfEqual(known?.checks, ofService.get(service.id) ?? NO_CHECKS);
    const instance =
      known?.service === service &&
      known.checks === checks &&
      known.nodeChecks === nodeChecks &&
      known.up === up &&
      known.unconfirmed === warm
        ? known
        : instanceOf(owner, service, checks, nodeChecks, up, warm);
    push(byName, service.name.toLowerCase(), instance);
    return instance;
  });
  return { catalog: { node: owner, up, unconfirmed: warm, instances, checks: nodeChecks }, byName };
}

const NO_CHECKS: readonly Check[] = [];

function instanceOf(
  node: string,
  service: Service,
  checks: readonly Check[],
  nodeChecks: readonly Check[],
  up: boolean,
  warm: boolean,
): Instance {
  const status = instanceStatus(service, checks, nodeChecks, up);
  return { node, service, checks, nodeChecks, up, status, unconfirmed: warm };
}

/** The array from before, if it holds the same. */
const reuseIfEqual = (before: readonly Check[] | undefined, now: readonly Check[]): readonly Check[] =>
  before !== undefined && before.length === now.length && before.every((check, i) => check === now[i])
    ? before
    : now;

function push<K, V>(into: Map<K, V[]>, key: K, value: V): void {
  const held = into.get(key);
  if (held === undefined) into.set(key, [value]);
  else held.push(value);
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number =>
  a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
