/**
 * External nodes that this agent owns: hosts that are no members, each with a registry of its own, so that their checks run
 * and their services expire as those of this node do. What they publish goes into the ledger of this agent under their names.
 *
 * Source: Consul HTTP API, "Register Entity", "Deregister Entity"; A43 (docs/replication.md).
 */
import { AgentError } from '../base/errors.ts';
import type { Rng } from '../base/rng.ts';
import { type Millis, NEVER } from '../base/time.ts';
import {
  type EntryKey,
  type EntryWrite,
  type ExternalNode,
  externalEntryKey,
  type ServiceDefinition,
} from '../model/service.ts';
import { missingServiceError } from './definition/refusals.ts';
import { Registry } from './registry.ts';
import type {
  CheckDefinition,
  CheckEffect,
  CheckFact,
  CheckOutcome,
  ExternalNodeSnapshot,
  ExternalRegistration,
} from './types.ts';

/** So that a catalog of thousands of hosts is spread over several agents. */
export const MAX_EXTERNAL_NODES = 2048;

interface OwnedNode {
  node: ExternalNode;
  readonly registry: Registry;
}

export interface ExternalRegistriesOptions {
  readonly rng: Rng;
  readonly now: Millis;
  readonly snapshot: readonly ExternalNodeSnapshot[];
  readonly downtime: Millis;
  /** Why a node may not be published; `undefined` if it may. */
  readonly problemOf: (node: ExternalNode) => string | undefined;
}

/** Commands throw `AgentError` with nothing changed. */
export class ExternalRegistries {
  /** By name in lower case. */
  readonly #nodes = new Map<string, OwnedNode>();
  readonly #rng: Rng;
  readonly #restored: EntryWrite[] = [];
  /** Of registries that are gone, so that the sums never fall. */
  #revision = 0;
  #commandRevision = 0;
  #deadline: Millis = NEVER;
  readonly #rejected: CheckFact[] = [];

  constructor({ rng, now, snapshot, downtime, problemOf }: ExternalRegistriesOptions) {
    this.#rng = rng;
    for (const { registered, ...saved } of snapshot) {
      const { taggedAddresses, meta } = saved;
      const pairs = { taggedAddresses: new Map(taggedAddresses), meta: new Map(meta) };
      const node: ExternalNode = { kind: 'node', removed: false, ...saved, ...pairs };
      const reason = problemOf(node);
      if (reason !== undefined) {
        this.#rejected.push({ kind: 'restoreRejected', part: 'external node', reason: `its ${reason}` });
        continue;
      }
      const registry = new Registry({
        rng: rng.fork(),
        now,
        allowExec: false,
        snapshot: registered,
        downtime,
      });
      this.#nodes.set(node.name.toLowerCase(), { node, registry });
      this.#restored.push({ put: { kind: 'external', node: node.name, value: node } });
    }
    this.#updateDeadline();
    if (this.#restored.length > 0 || this.#rejected.length > 0) this.#deadline = now;
  }

  get deadline(): Millis {
    return this.#deadline;
  }

  get revision(): number {
    return this.#sum(({ snapshotRevision }) => snapshotRevision, this.#revision);
  }

  get commandRevision(): number {
    return this.#sum(({ commandRevision }) => commandRevision, this.#commandRevision);
  }

  owns(name: string): boolean {
    return this.#nodes.has(name.toLowerCase());
  }

  /** Nodes of other agents that were removed here. */
  removals(): readonly string[] {
    return [...this.#nodes.values()].filter(({ node }) => node.removed).map(({ node }) => node.name);
  }

  /** Stands for the removal of a node that another agent has: nothing is on it. */
  registerRemoval(node: ExternalNode, now: Millis, out: CheckEffect[]): void {
    this.deregister({ node: node.name }, now, out);
    this.register(node, { service: undefined, checks: [] }, now, out);
  }

  register(
    node: ExternalNode,
    registration: Pick<ExternalRegistration, 'service' | 'checks'>,
    now: Millis,
    out: CheckEffect[],
  ): void {
    const { service, checks } = registration;
    const known = this.#nodes.get(node.name.toLowerCase());
    if (known === undefined && this.#nodes.size >= MAX_EXTERNAL_NODES)
      throw new AgentError(
        'tooLarge',
        `an agent has at most ${MAX_EXTERNAL_NODES} external nodes: use another agent`,
      );
    for (const { definition } of checks) requireService(definition, service, known);
    const owned = known ?? { node, registry: this.#createRegistry(now) };
    const effects: CheckEffect[] = [];
    try {
      fillRegistry(owned.registry, registration, now, effects);
    } catch (error) {
      if (known !== undefined) this.#emit(known.node.name, effects, out); // what was taken before it
      throw error;
    }
    const name = known?.node.name ?? node.name;
    owned.node = { ...node, name };
    this.#nodes.set(name.toLowerCase(), owned);
    this.#commandRevision += 1;
    this.#revision += 1;
    out.push({ kind: 'publish', changes: [{ put: { kind: 'external', node: name, value: owned.node } }] });
    this.#emit(name, effects, out);
  }

  /** The whole node, or a service or check of it. True if there was one. */
  deregister(
    { node, service, check }: { node: string; service?: string; check?: string },
    now: Millis,
    out: CheckEffect[],
  ): boolean {
    const owned = this.#nodes.get(node.toLowerCase());
    if (owned === undefined) return false;
    const { registry } = owned;
    const effects: CheckEffect[] = [];
    if (service !== undefined) {
      if (!registry.view.services().has(service)) return false;
      registry.deregisterService(service, now, effects);
    } else if (check !== undefined) {
      if (!registry.view.checks().has(check)) return false;
      registry.deregisterCheck(check, now, effects);
    } else this.#remove(owned, now, effects);
    this.#emit(owned.node.name, effects, out);
    return true;
  }

  /** False: the outcome is of no external node. */
  onCheckFinished(outcome: CheckOutcome, now: Millis, out: CheckEffect[]): boolean {
    const end = outcome.check.indexOf('\n');
    if (end < 0) return false;
    const owned = this.#nodes.get(outcome.check.slice(0, end).toLowerCase());
    if (owned === undefined) return true; // it was deregistered meanwhile
    const effects: CheckEffect[] = [];
    owned.registry.onCheckFinished({ ...outcome, check: outcome.check.slice(end + 1) }, now, effects);
    this.#emit(owned.node.name, effects, out);
    return true;
  }

  tick(now: Millis, out: CheckEffect[]): void {
    if (now < this.#deadline) return;
    for (const fact of this.#rejected.splice(0)) out.push({ kind: 'fact', fact });
    if (this.#restored.length > 0) out.push({ kind: 'publish', changes: this.#restored.splice(0) });
    for (const { node, registry } of this.#nodes.values()) {
      if (registry.deadline > now) continue;
      const effects: CheckEffect[] = [];
      registry.tick(now, effects);
      this.#emit(node.name, effects, out);
    }
    this.#updateDeadline();
  }

  snapshot(now: Millis): ExternalNodeSnapshot[] {
    return [...this.#nodes.values()].map(
      ({ node: { kind: _, taggedAddresses, meta, removed, ...node }, registry }) => ({
        ...node,
        ...(removed && { removed }),
        taggedAddresses: [...taggedAddresses],
        meta: [...meta],
        registered: registry.snapshot(now),
      }),
    );
  }

  #createRegistry(now: Millis): Registry {
    return new Registry({ rng: this.#rng.fork(), now, allowExec: false });
  }

  #remove({ node, registry }: OwnedNode, now: Millis, effects: CheckEffect[]): void {
    for (const id of [...registry.view.services().keys()]) registry.deregisterService(id, now, effects);
    for (const id of [...registry.view.checks().keys()]) registry.deregisterCheck(id, now, effects);
    this.#nodes.delete(node.name.toLowerCase());
    this.#revision += registry.snapshotRevision + 1;
    this.#commandRevision += registry.commandRevision + 1;
    effects.push({ kind: 'publish', changes: [{ remove: externalEntryKey(node.name, 'n') }] });
  }

  #emit(node: string, effects: readonly CheckEffect[], out: CheckEffect[]): void {
    for (const effect of effects) out.push(toExternalEffect(node, effect));
    this.#updateDeadline();
  }

  #updateDeadline(): void {
    let deadline = NEVER;
    for (const { registry } of this.#nodes.values()) deadline = Math.min(deadline, registry.deadline);
    this.#deadline = deadline;
  }

  #sum(revisionOf: (registry: Registry) => number, base: number): number {
    let sum = base;
    for (const { registry } of this.#nodes.values()) sum += revisionOf(registry);
    return sum;
  }
}

function fillRegistry(
  registry: Registry,
  { service, checks }: Pick<ExternalRegistration, 'service' | 'checks'>,
  now: Millis,
  effects: CheckEffect[],
): void {
  const definitions = checks.map(({ definition }) => definition);
  const isOwn = ({ serviceId }: CheckDefinition): boolean => serviceId === service?.id;
  if (service !== undefined) registry.registerService(service, definitions.filter(isOwn), {}, now, effects);
  for (const definition of definitions)
    if (!isOwn(definition)) registry.registerCheck(definition, now, effects);
  for (const { definition, output } of checks)
    if (definition.probe.kind === 'reported')
      registry.reportCheck(definition.id, definition.initial, output, now, effects);
}

function requireService(
  { serviceId }: CheckDefinition,
  service: ServiceDefinition | undefined,
  known: OwnedNode | undefined,
): void {
  if (serviceId === '' || serviceId === service?.id) return;
  if (known?.registry.view.services().has(serviceId) !== true) throw missingServiceError(serviceId);
}

/** A run is told apart by its node, facts name it, and what is published is of the node. */
function toExternalEffect(node: string, effect: CheckEffect): CheckEffect {
  switch (effect.kind) {
    case 'run':
      return { kind: 'run', run: { ...effect.run, check: `${node}\n${effect.run.check}` } };
    case 'stop':
      return { kind: 'stop', check: `${node}\n${effect.check}` };
    case 'publish':
      return { kind: 'publish', changes: effect.changes.map((change) => toExternalWrite(node, change)) };
    case 'leaseChanged':
      return effect;
    case 'fact':
      return { kind: 'fact', fact: toExternalFact(node, effect.fact) };
  }
}

function toExternalWrite(node: string, change: EntryWrite): EntryWrite {
  if ('remove' in change) {
    const { remove } = change;
    return { remove: remove.startsWith('x:') ? remove : externalEntryKey(node, remove as OwnKey) };
  }
  const { put } = change;
  return put.kind === 'external' ? change : { put: { kind: 'external', node, value: put } };
}
type OwnKey = Exclude<EntryKey, `x:${string}`>;

/** `NODE/ID` in place of the ID. */
function toExternalFact(node: string, fact: CheckFact): CheckFact {
  const named = { ...fact } as { check?: string; service?: string };
  if (named.check !== undefined && named.check !== '') named.check = `${node}/${named.check}`;
  if (named.service !== undefined) named.service = `${node}/${named.service}`;
  return named as CheckFact;
}
