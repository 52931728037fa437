/**
 * I17, as far as the simulation can check it: a snapshot is plain data, was true when it was saved, and never goes
 * back; a saved catalog reads back byte for byte, a part of it is refused, and an agent that restores it shows what is in it;
 * an agent that restores a snapshot continues where the last one was.
 */

import type { Fact } from '../../../agent/contract/facts.ts';
import type { Snapshot } from '../../../agent/contract/machine.ts';
import { sameBytes } from '../../../base/bytes.ts';
import { WireError } from '../../../base/errors.ts';
import type { EntryKey, Published } from '../../../model/service.ts';
import { decodeCatalogSnapshot, encodeCatalogSnapshot } from '../../../wire/catalog.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';
import { canonicalText, entriesFromNode } from './histories.ts';

/** Torn writes that are tried on each saved catalog. */
const TEARS = 4;

export class PersistenceLaw implements Law {
  readonly #context: LawContext;
  /** The last snapshot that each host has saved since its start. */
  readonly #lastSnapshots = new Map<SimHost, Snapshot>();
  readonly #catalogs = new Map<SimHost, Uint8Array>();
  /** All addresses that a name has had. */
  readonly #addresses = new Map<string, Set<string>>();
  /** Snapshots that were restored, and not compared with the agent yet. */
  readonly #restored = new Map<SimHost, Snapshot>();

  constructor(context: LawContext) {
    this.#context = context;
    context.world.subscribe({
      onSaveSnapshot: (host, snapshot) => {
        this.#checkSnapshot(host, snapshot);
        this.#lastSnapshots.set(host, snapshot);
      },
      onSaveCatalog: (host, bytes) => this.#onSaveCatalog(host, bytes),
    });
  }

  onStart(host: SimHost): void {
    this.#lastSnapshots.delete(host);
    this.#recordAddress(host);
    this.#restored.delete(host);
    const { incarnation } = host.runningAgent.view.self();
    if (incarnation === 1) return; // It started without a snapshot.
    const savedSnapshot = host.disk.snapshot;
    if (savedSnapshot === undefined || incarnation !== savedSnapshot.incarnation + 1)
      this.#context.reportViolation(
        `I17 ${host.label} starts @${incarnation}, and has saved ${savedSnapshot === undefined ? 'nothing' : `@${savedSnapshot.incarnation}`}`,
      );
    else {
      this.#restored.set(host, savedSnapshot);
      this.#checkClocks(host, savedSnapshot);
      if (host.disk.catalog !== undefined) this.#checkRecalled(host, savedSnapshot, host.disk.catalog);
    }
  }

  /** Of members that were up, the restored agent shows each ledger as it was saved. */
  #checkRecalled({ label, name, runningAgent }: SimHost, { peers }: Snapshot, bytes: Uint8Array): void {
    const up = new Set(
      peers.filter((peer) => peer.down !== true && peer.name !== name).map((peer) => peer.name),
    );
    for (const { owner, entries } of decodeCatalogSnapshot(bytes).ledgers) {
      if (!up.has(owner)) continue;
      this.#context.judged('I17 of a restored catalog');
      const saved = new Map<EntryKey, Published>();
      for (const { key, value } of entries) if (value !== undefined) saved.set(key, value);
      const shown = entriesFromNode(runningAgent.view.catalog.node(owner));
      if (textOf(shown) !== textOf(withoutHidden(saved)))
        this.#context.reportViolation(`I17 ${label} does not show ${owner} as it was saved`);
    }
  }

  /** A clock that rises with each restart makes events old that other members have yet to fire. */
  #checkClocks({ label, runningAgent }: SimHost, { clocks: saved }: Snapshot): void {
    const { clocks } = runningAgent.view.health();
    for (const clock of ['member', 'event', 'query'] as const)
      if (clocks[clock] !== saved[clock])
        this.#context.reportViolation(
          `I17 ${label} saved its ${clock} clock at ${saved[clock]}, and starts at ${clocks[clock]}`,
        );
  }

  onFact(host: SimHost, { kind }: Fact): void {
    if (kind === 'addressChanged') this.#recordAddress(host);
  }

  checkHost(host: SimHost): void {
    const snapshot = this.#restored.get(host);
    if (snapshot === undefined || host.agent === undefined) return;
    this.#restored.delete(host);
    this.#context.judged('I17');
    const saved = snapshot.registered?.services.length ?? 0;
    const registered = host.agent.view.local.services().size;
    if (registered < saved)
      this.#context.reportViolation(`I17 ${host.label} saved ${saved} services and restored ${registered}`);
  }

  #recordAddress({ name, address }: SimHost): void {
    const known = this.#addresses.get(name);
    if (known === undefined) this.#addresses.set(name, new Set([address.key]));
    else known.add(address.key);
  }

  #onSaveCatalog(host: SimHost, bytes: Uint8Array): void {
    if (bytes === this.#catalogs.get(host)) return;
    this.#catalogs.set(host, bytes);
    this.#checkCatalog(host, bytes);
  }

  #checkSnapshot(host: SimHost, snapshot: Snapshot): void {
    if (host.agent === undefined) return;
    const { reportViolation } = this.#context;
    const { view } = host.agent;
    this.#context.judged('I17');
    const where = `I17 ${host.label} saved`;
    const last = this.#lastSnapshots.get(host);
    const { incarnation } = view.self();
    const clocks = view.health().clocks;
    if (!isPlainData(snapshot)) reportViolation(`${where} a snapshot that is not plain data`);
    if (snapshot.incarnation > incarnation || snapshot.incarnation < (last?.incarnation ?? 0))
      reportViolation(
        `${where} @${snapshot.incarnation}, is @${incarnation} and saved @${last?.incarnation ?? 0} before`,
      );
    for (const clock of ['member', 'event', 'query'] as const)
      if (snapshot.clocks[clock] > clocks[clock] || snapshot.clocks[clock] < (last?.clocks[clock] ?? 0))
        reportViolation(
          `${where} its ${clock} clock at ${snapshot.clocks[clock]}, and it stands at ${clocks[clock]}`,
        );
    for (const { name, addr } of snapshot.peers)
      if (this.#addresses.get(name)?.has(addr) !== true && !this.#context.isForged(name))
        reportViolation(`${where} ${name} at ${addr}, an address it never had`);
    const services = snapshot.registered?.services.length ?? 0;
    if (services !== view.local.services().size)
      reportViolation(`${where} ${services} of ${view.local.services().size} services`);
  }

  #checkCatalog(host: SimHost, bytes: Uint8Array): void {
    const { reportViolation } = this.#context;
    try {
      const snapshot = decodeCatalogSnapshot(bytes);
      if (!sameBytes(encodeCatalogSnapshot(snapshot), bytes))
        reportViolation(`I17 ${host.label} saved a catalog that reads back differently`);
      for (let i = 0; i < TEARS; i++) {
        this.#context.judged('I17 of a torn catalog');
        const part = bytes.subarray(0, Math.floor((bytes.length * (2 * i + 1)) / (2 * TEARS)));
        if (!isRefused(part))
          reportViolation(
            `I17 ${host.label} restores ${part.length} of ${bytes.length} octets of a torn catalog`,
          );
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      reportViolation(`I17 ${host.label} saved a catalog that cannot be read: ${error.message}`);
    }
  }
}

/** Whether a part of a saved catalog is refused as a whole. Its length is not in it, so the shell adds a checksum. */
function isRefused(part: Uint8Array): boolean {
  try {
    decodeCatalogSnapshot(part);
    return false;
  } catch (error) {
    if (error instanceof WireError) return true;
    throw error;
  }
}

/** Equal exactly for entries that readers cannot tell apart. */
const textOf = (entries: ReadonlyMap<EntryKey, Published>): string =>
  [...entries.values()].map(canonicalText).sort().join('\n');

/** Checks of services that are not there are not shown, and external nodes elsewhere. */
const withoutHidden = (entries: ReadonlyMap<EntryKey, Published>): Map<EntryKey, Published> =>
  new Map(
    [...entries].filter(
      ([, value]) =>
        value.kind !== 'external' &&
        (value.kind !== 'check' || value.serviceId === '' || entries.has(`s:${value.serviceId}`)),
    ),
  );

/** Numbers, strings, booleans, arrays and plain objects of them, which every format restores as they were. */
function isPlainData(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.every(isPlainData);
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlainData);
}
