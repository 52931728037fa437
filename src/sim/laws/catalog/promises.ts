/**
 * I19: what an agent with a data directory has acknowledged is there after every restart from the same disk, whenever the process
 * ended and whether or not the power failed. Changes that were not acknowledged may be there or not.
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { View } from '../../../agent/contract/view.ts';
import type { SimHost } from '../../world/host.ts';
import type { PendingCommand } from '../../world/types.ts';
import type { Law, LawContext } from '../law.ts';

/** What can change about an item (a service, a check, its status, a tag), as text; an item that is not there has no value. */
type LocalItems = ReadonlyMap<string, string>;

interface ItemChange {
  readonly at: number;
  readonly value: string | undefined;
}

/** What one host has shown after each command since its disk was last empty. */
interface HostHistory {
  /** The number of commands that were handled, and of inputs in which something ended by itself. */
  commands: number;
  /** All changes up to this command were acknowledged; `undefined`: nothing is known of the disk. */
  acknowledged: number | undefined;
  readonly lossCount: number;
  readonly changes: Map<string, ItemChange[]>;
  items: LocalItems;
}

export class PromiseLaw implements Law {
  readonly #context: LawContext;
  readonly #histories = new Map<SimHost, HostHistory>();
  /** The command that each reply acknowledges, as long as it is outstanding. */
  readonly #outstanding = new Map<
    PendingCommand,
    { readonly history: HostHistory; readonly command: number }
  >();
  /** All that each host has shown of an item, in all its lives. */
  readonly #everShown = new Map<SimHost, Map<string, Set<string>>>();
  /** Hosts whose process has started and handled no input yet, and whether it has restored a snapshot. */
  readonly #started = new Map<SimHost, boolean>();
  /** Hosts that have deregistered something in this input. */
  readonly #deregistering = new Set<SimHost>();

  constructor(context: LawContext) {
    this.#context = context;
    context.world.subscribe({
      onCommandHandled: (host, pending) => this.#onCommandHandled(host, pending),
      onReply: (_, pending) => this.#onReply(pending),
    });
  }

  onStart(host: SimHost): void {
    const { serfPeer = false, disk = true } = host.options;
    if (!serfPeer && disk) this.#started.set(host, host.runningAgent.view.self().incarnation > 1);
  }

  /** Leases expire, and services whose checks are critical for too long go, without a command: that breaks no promise. */
  onFact(host: SimHost, { kind }: Fact): void {
    if (kind === 'serviceDeregistered' || kind === 'checkDeregistered') this.#deregistering.add(host);
  }

  checkHost(host: SimHost): void {
    if (host.agent === undefined) return;
    const isRestored = this.#started.get(host);
    if (isRestored !== undefined) this.#checkStart(host, isRestored);
    if (!this.#deregistering.delete(host)) return;
    const history = this.#histories.get(host);
    if (history !== undefined) this.#recordChanges(host, history);
  }

  #checkStart(host: SimHost, isRestored: boolean): void {
    this.#started.delete(host);
    const { disk } = host;
    const items = itemsOf(host.runningAgent.view);
    const history = this.#histories.get(host);
    const isKnown = history?.acknowledged !== undefined && history.lossCount === disk.lossCount;
    if (isRestored && isKnown) this.#compare(host, history, items);
    else if (isRestored && history !== undefined && history.lossCount !== disk.lossCount)
      this.#checkTorn(host, items);
    this.#recordShown(host, items);
    this.#histories.set(host, {
      commands: 0,
      // Without a restore the disk has what an earlier process left there, until this one has written.
      acknowledged: isRestored ? 0 : undefined,
      lossCount: disk.lossCount,
      changes: new Map([...items].map(([item, value]) => [item, [{ at: 0, value }]])),
      items,
    });
  }

  #onCommandHandled(host: SimHost, pending: PendingCommand): void {
    const history = this.#histories.get(host);
    if (history === undefined || !host.running || host.paused) return;
    this.#recordChanges(host, history);
    this.#outstanding.set(pending, { history, command: history.commands });
    if (pending.result !== undefined) this.#onReply(pending);
  }

  #recordChanges(host: SimHost, history: HostHistory): void {
    history.commands += 1;
    const items = itemsOf(host.runningAgent.view);
    for (const item of new Set([...history.items.keys(), ...items.keys()])) {
      const value = items.get(item);
      if (value === history.items.get(item)) continue;
      const changes = history.changes.get(item);
      const change = { at: history.commands, value };
      if (changes === undefined) history.changes.set(item, [change]);
      else changes.push(change);
    }
    history.items = items;
    this.#recordShown(host, items);
  }

  #onReply(pending: PendingCommand): void {
    const one = this.#outstanding.get(pending);
    const { result } = pending;
    if (one === undefined || result === undefined) return;
    this.#outstanding.delete(pending);
    if (!result.ok || !SAVED.has(pending.command.kind)) return;
    if (result.value !== undefined && 'unsaved' in result.value) return;
    one.history.acknowledged = Math.max(one.history.acknowledged ?? 0, one.command);
  }

  #recordShown(host: SimHost, items: LocalItems): void {
    let shown = this.#everShown.get(host);
    if (shown === undefined) {
      shown = new Map();
      this.#everShown.set(host, shown);
    }
    for (const [item, value] of items) {
      const values = shown.get(item);
      if (values === undefined) shown.set(item, new Set([value]));
      else values.add(value);
    }
  }

  /** After a torn write something earlier is restored, but nothing that never was. */
  #checkTorn(host: SimHost, items: LocalItems): void {
    const shown = this.#everShown.get(host);
    for (const [item, value] of items) {
      if (item.startsWith(STATUS)) continue;
      this.#context.judged('I19 after a torn write');
      if (shown?.get(item)?.has(value) !== true)
        this.#context.reportViolation(
          `I19 ${host.label} starts with ${item} as ${value} after a torn write, which it never was`,
        );
    }
  }

  #compare(host: SimHost, history: HostHistory, items: LocalItems): void {
    const acknowledged = history.acknowledged ?? 0;
    for (const item of new Set([...history.changes.keys(), ...items.keys()])) {
      const changes = history.changes.get(item) ?? [];
      const last = changes.findLastIndex(({ at }) => at <= acknowledged);
      const allowed = changes.slice(Math.max(0, last)).map(({ value }) => value);
      if (last < 0) allowed.push(undefined);
      else this.#context.judged('I19');
      const value = items.get(item);
      // Time goes on while nobody runs: a TTL check may have expired.
      if (allowed.includes(value) || (item.startsWith(STATUS) && value === 'critical')) continue;
      this.#context.reportViolation(
        `I19 ${host.label} acknowledged ${item} as ${allowed[0] ?? 'gone'}, and starts with ${value ?? 'none'}`,
      );
    }
  }
}

const STATUS = 'status ';
const SAVED: ReadonlySet<string> = new Set<PendingCommand['command']['kind']>([
  ...(['setTags', 'registerService', 'deregisterService', 'registerCheck'] as const),
  ...(['deregisterCheck', 'updateCheck', 'maintenance', 'drain'] as const),
  ...(['holdLease', 'closeLease', 'releaseLease', 'registerNode', 'deregisterNode'] as const),
  ...(['registerJob', 'deregisterJob', 'orderJob'] as const),
]);

function itemsOf(view: View): LocalItems {
  const items = new Map<string, string>();
  for (const [id, { definition, draining }] of view.local.services()) {
    const { name, port, tags, meta } = definition;
    items.set(`service ${id}`, JSON.stringify([name, port, tags, [...meta]]));
    items.set(`drain ${id}`, String(draining));
  }
  for (const [id, { definition, status }] of view.local.checks()) {
    items.set(`check ${id}`, `${definition.serviceId} ${definition.notes}`);
    if (definition.probe.kind === 'ttl') items.set(`${STATUS}${id}`, status);
  }
  for (const [key, value] of view.self().tags) items.set(`tag ${key}`, value);
  return items;
}
