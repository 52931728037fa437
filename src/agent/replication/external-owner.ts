/**
 * The external nodes that are registered with this agent: which names may be taken, when another agent has taken one over, and
 * how a node of another agent is removed here.
 * Their services and checks are in checks/external-registries.ts, what readers see in catalog/external-nodes.ts.
 *
 * Source: A43 (docs/replication.md).
 */
import { AgentError } from '../../base/errors.ts';
import type { Rng } from '../../base/rng.ts';
import { type Millis, NEVER } from '../../base/time.ts';
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

/**
 * A removal stays at least this long after the last owner has given the node up, so that no reader that hears of the one before the
 * other sees the node again.
 */
const REMOVAL_CHECK_INTERVAL: Millis = 600_000;

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
  #removalCheckAt: Millis;
  /** Removals of nodes that no other agent had at the last check. */
  #releasable: ReadonlySet<string> = new Set();

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
    this.#removalCheckAt =
      this.#registries.removals().length > 0 ? options.now + REMOVAL_CHECK_INTERVAL : NEVER;
  }

  get deadline(): Millis {
    return Math.min(this.#registries.deadline, this.#nodes.supersededAt, this.#removalCheckAt);
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
    if (command.kind === 'registerNode') return this.#register(command.registration, now, out);
    const { node, anyOwner = false } = command;
    const latest = this.#nodes.latest(node);
    const isOwn = latest?.owner === this.#options.name;
    if (isOwn && latest.node.removed) return; // the removal stays until nobody has the node any more
    if (isOwn || !anyOwner || latest === undefined) this.#registries.deregister(command, now, out);
    // Whoever removed it may not have stored that yet, and this agent answers for it.
    else if (this.#isRegistered(node)) this.#removeElsewhere(latest.node, now, out);
  }

  onCheckFinished(outcome: CheckOutcome, now: Millis, out: CheckEffect[]): boolean {
    return this.#registries.onCheckFinished(outcome, now, out);
  }

  tick(now: Millis, out: CheckEffect[]): void {
    if (this.#nodes.supersededAt <= now)
      for (const node of this.#nodes.consumeSuperseded()) {
        const owner = this.#nodes.latest(node)?.owner;
        if (owner === undefined || owner === this.#options.name) continue;
        if (this.#registries.deregister({ node }, now, out))
          out.push({ kind: 'fact', fact: { kind: 'externalNodeSuperseded', node, owner } });
      }
    if (this.#removalCheckAt <= now) this.#releaseRemovals(now, out);
    this.#registries.tick(now, out);
  }

  /** A later registration, of a node that is gone: the owner gives up its own when it hears of it, or when it is back. */
  #removeElsewhere(node: ExternalNode, now: Millis, out: CheckEffect[]): void {
    const removal = { ...node, registeredAt: this.#registrationTime(node.name, now), removed: true };
    this.#registries.registerRemoval(removal, now, out);
    this.#removalCheckAt = Math.min(this.#removalCheckAt, now + REMOVAL_CHECK_INTERVAL);
  }

  #isRegistered(name: string): boolean {
    return this.#nodes.holdings(name).some(({ node }) => node?.removed === false);
  }

  #isHeldElsewhere(name: string): boolean {
    return this.#nodes.holdings(name).some(({ owner }) => owner !== this.#options.name);
  }

  #releaseRemovals(now: Millis, out: CheckEffect[]): void {
    const free = this.#registries.removals().filter((name) => !this.#isHeldElsewhere(name));
    for (const node of free) if (this.#releasable.has(node)) this.#registries.deregister({ node }, now, out);
    this.#releasable = new Set(free);
    this.#removalCheckAt = this.#registries.removals().length > 0 ? now + REMOVAL_CHECK_INTERVAL : NEVER;
  }

  /** A clock that goes behind that of the last owner must not make this registration the earlier one. */
  #registrationTime(name: string, now: Millis): number {
    const { startedAt, now: bootedAt } = this.#options;
    const last = this.#nodes.latest(name)?.node.registeredAt ?? -1;
    return Math.max(Math.trunc(startedAt + (now - bootedAt)), last + 1);
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
    const registeredAt = this.#registrationTime(name, now);
    const node = { ...nodeOf(registration, seen), registeredAt, removed: false };
    validatePublishable({ kind: 'external', node: name, value: node });
    this.#registries.register(node, registration, now, out);
  }
}

/** With `keepNode` a known node stays as readers see it. */
function nodeOf(
  { node, keepNode }: ExternalRegistration,
  seen: ExternalNodeView | undefined,
): ExternalRegistration['node'] {
  if (!keepNode || seen === undefined) return node;
  const { name, address, taggedAddresses, meta, id } = seen;
  return { kind: 'node', name, address, taggedAddresses, meta, id };
}
