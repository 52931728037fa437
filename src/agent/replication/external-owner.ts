/**
 * The external nodes that are registered with this agent: which names may be taken, and when another agent has taken one over.
 * Their services and checks are in checks/external-registries.ts, what readers see in catalog/external-nodes.ts.
 *
 * Source: A43 (docs/replication.md).
 */
import { AgentError } from '../../base/errors.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import type { ExternalNodes } from '../../catalog/external-nodes.ts';
import { validatePublishable } from '../../catalog/publish-limits.ts';
import type { ExternalNodeView } from '../../catalog/types.ts';
import { ExternalRegistries } from '../../checks/external-registries.ts';
import type {
  CheckEffect,
  CheckOutcome,
  ExternalNodeSnapshot,
  ExternalRegistration,
} from '../../checks/types.ts';
import type { ExternalNode } from '../../model/service.ts';
import type { SerfView } from '../../serf/types.ts';
import { validateValue } from '../../wire/entry-limits.ts';
import type { Command } from '../contract/commands.ts';
import type { AgentOptions } from '../contract/options.ts';

export type ExternalCommand = Extract<Command, { kind: 'registerNode' | 'deregisterNode' }>;

export interface ExternalOwnerContext {
  readonly nodes: ExternalNodes;
  readonly serf: SerfView;
  readonly rng: Rng;
  readonly downtime: Millis;
}

export class ExternalOwner {
  readonly #registries: ExternalRegistries;
  readonly #nodes: ExternalNodes;
  readonly #serf: SerfView;
  readonly #options: AgentOptions;

  constructor(options: AgentOptions, { nodes, serf, rng, downtime }: ExternalOwnerContext) {
    this.#options = options;
    this.#nodes = nodes;
    this.#serf = serf;
    this.#registries = new ExternalRegistries({
      rng,
      now: options.now,
      snapshot: options.snapshot?.external ?? [],
      downtime,
      problemOf: (node) => validateValue({ kind: 'external', node: node.name, value: node }),
    });
  }

  get deadline(): Millis {
    return Math.min(this.#registries.deadline, this.#nodes.supersededAt);
  }

  get revision(): number {
    return this.#registries.revision;
  }

  get commandRevision(): number {
    return this.#registries.commandRevision;
  }

  snapshot(now: Millis): ExternalNodeSnapshot[] {
    return this.#registries.snapshot(now);
  }

  /** Throws `AgentError` with nothing changed. */
  handleCommand(command: ExternalCommand, now: Millis, out: CheckEffect[]): void {
    if (command.kind === 'registerNode') this.#register(command.registration, now, out);
    else this.#registries.deregister(command, now, out);
  }

  onCheckFinished(outcome: CheckOutcome, now: Millis, out: CheckEffect[]): boolean {
    return this.#registries.onCheckFinished(outcome, now, out);
  }

  tick(now: Millis, out: CheckEffect[]): void {
    if (this.#nodes.supersededAt <= now)
      for (const node of this.#nodes.consumeSuperseded()) {
        const owner = this.#nodes.index.externalNode(node)?.owner;
        if (owner === undefined || owner === this.#options.name) continue;
        if (this.#registries.deregister({ node }, now, out))
          out.push({ kind: 'fact', fact: { kind: 'externalNodeSuperseded', node, owner } });
      }
    this.#registries.tick(now, out);
  }

  #register(registration: ExternalRegistration, now: Millis, out: CheckEffect[]): void {
    const { name } = registration.node;
    const folded = name.toLowerCase();
    for (const member of this.#serf.all())
      if (member.status !== 'left' && member.name.toLowerCase() === folded)
        throw new AgentError('unavailable', `${member.name} is a member, which registers its own services`);
    const seen = this.#nodes.index.externalNode(name);
    if (seen !== undefined && seen.owner !== this.#options.name && seen.up)
      throw new AgentError('conflict', `${seen.name} is registered with ${seen.owner}: register it there`);
    // A clock that goes behind that of the last owner must not make this registration the earlier one.
    const { startedAt, now: bootedAt } = this.#options;
    const registeredAt = Math.max(Math.trunc(startedAt + (now - bootedAt)), (seen?.registeredAt ?? -1) + 1);
    const node = { ...nodeOf(registration, seen), registeredAt };
    validatePublishable({ kind: 'external', node: name, value: node });
    this.#registries.register({ ...registration, node }, now, out);
  }
}

/** With `keepNode` a known node stays as readers see it. */
function nodeOf({ node, keepNode }: ExternalRegistration, seen: ExternalNodeView | undefined): ExternalNode {
  if (!keepNode || seen === undefined) return node;
  const { name, address, taggedAddresses, meta, id, registeredAt } = seen;
  return { kind: 'node', name, address, taggedAddresses, meta, id, registeredAt };
}
