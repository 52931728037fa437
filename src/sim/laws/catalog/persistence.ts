/**
 * I17, as far as the simulation can check it: a snapshot is plain data, was true when it was saved, and never goes
 * back; a saved catalog reads back byte for byte, and what a torn write leaves of it is refused or contains nothing
 * false; an agent that restores a snapshot continues where the last one was.
 */

import type { Fact } from '../../../agent/contract/facts.ts';
import type { Snapshot } from '../../../agent/contract/machine.ts';
import { sameBytes } from '../../../base/bytes.ts';
import { WireError } from '../../../base/errors.ts';
import { decodeCatalogSnapshot, encodeCatalogSnapshot } from '../../../wire/catalog.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

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
      const whole = new Set(snapshot.ledgers.map(progressOf));
      for (let i = 0; i < TEARS; i++) {
        const part = bytes.subarray(0, Math.floor((bytes.length * (2 * i + 1)) / (2 * TEARS)));
        for (const ledger of restoredProgress(part))
          if (!whole.has(ledger))
            reportViolation(`I17 ${host.label} restores ${ledger} from a torn catalog, which was not in it`);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      reportViolation(`I17 ${host.label} saved a catalog that cannot be read: ${error.message}`);
    }
  }
}

const progressOf = ({ owner, epoch, to }: { owner: string; epoch: number; to: number }): string =>
  `${owner} ${epoch}.${to}`;

/**
 * The progress of all ledgers that a part of a saved catalog would restore; empty if the part is refused, as it should
 * be.
 */
function restoredProgress(part: Uint8Array): string[] {
  try {
    return decodeCatalogSnapshot(part).ledgers.map(progressOf);
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}

/** Numbers, strings, booleans, arrays and plain objects of them, which every format restores as they were. */
function isPlainData(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.every(isPlainData);
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlainData);
}
