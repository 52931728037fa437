/**
 * I17, the simulator's part: what an agent asks to have remembered is plain data, was true at that moment and never goes
 * back; what was remembered of the catalogue reads back to the last octet, and any part of it that a torn write leaves
 * is refused or holds nothing untrue; and a life that begins from memory goes on where the last one was.
 */

import type { Fact } from '../../../agent/contract/facts.ts';
import type { Snapshot } from '../../../agent/contract/machine.ts';
import { sameBytes } from '../../../base/bytes.ts';
import { WireError } from '../../../base/errors.ts';
import { parseCatalogSnapshot } from '../../../catalog/catalog.ts';
import { encodeCatalogSnapshot } from '../../../wire/catalog.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** Torn writes tried on each catalogue that is remembered. */
const TEARS = 4;

export class PersistenceLaw implements Law {
  readonly #context: LawContext;
  /** The last snapshot of each host's present life. */
  readonly #lastSnapshots = new Map<SimHost, Snapshot>();
  readonly #catalogs = new Map<SimHost, Uint8Array>();
  /** Every address a name ever had. */
  readonly #addresses = new Map<string, Set<string>>();
  /** Born from this, and not looked at since. */
  readonly #restored = new Map<SimHost, Snapshot>();

  constructor(ground: LawContext) {
    this.#context = ground;
    ground.world.subscribe({ onPersist: (host, what) => this.#onPersist(host, what) });
  }

  onStart(host: SimHost): void {
    this.#lastSnapshots.delete(host);
    this.#recordAddress(host);
    this.#restored.delete(host);
    const { incarnation } = host.runningAgent.view.self();
    if (incarnation === 1) return; // a life without memory
    const { savedSnapshot: disk } = host;
    if (disk === undefined || incarnation !== disk.incarnation + 1)
      this.#context.reportViolation(
        `I17 ${host.label} is born @${incarnation}, and remembers @${disk?.incarnation ?? 'nothing'}`,
      );
    else this.#restored.set(host, disk);
  }

  onFact(host: SimHost, { kind }: Fact): void {
    if (kind === 'addressChanged') this.#recordAddress(host);
  }

  checkHost(host: SimHost): void {
    const born = this.#restored.get(host);
    if (born === undefined || host.agent === undefined) return;
    this.#restored.delete(host);
    const had = born.registered?.services.length ?? 0;
    const has = host.agent.view.local.services().size;
    if (has < had)
      this.#context.reportViolation(`I17 ${host.label} remembers ${had} services and has ${has}`);
  }

  #recordAddress({ name, address }: SimHost): void {
    const known = this.#addresses.get(name);
    if (known === undefined) this.#addresses.set(name, new Set([address.key]));
    else known.add(address.key);
  }

  #onPersist(host: SimHost, what: 'snapshot' | 'catalog'): void {
    const { savedSnapshot: disk, savedCatalog: shelf } = host;
    if (what === 'snapshot' && disk !== undefined) {
      this.#checkSnapshot(host, disk);
      this.#lastSnapshots.set(host, disk);
    }
    if (what === 'catalog' && shelf !== undefined && shelf !== this.#catalogs.get(host)) {
      this.#catalogs.set(host, shelf);
      this.#checkCatalog(host, shelf);
    }
  }

  #checkSnapshot(host: SimHost, now: Snapshot): void {
    if (host.agent === undefined) return;
    const { reportViolation: broken } = this.#context;
    const { view } = host.agent;
    const where = `I17 ${host.label} remembers`;
    const last = this.#lastSnapshots.get(host);
    const { incarnation } = view.self();
    const clocks = view.health().clocks;
    if (!isPlainData(now)) broken(`${where} what no file can hold`);
    if (now.incarnation > incarnation || now.incarnation < (last?.incarnation ?? 0))
      broken(`${where} @${now.incarnation}, is @${incarnation} and was @${last?.incarnation ?? 0}`);
    for (const clock of ['member', 'event', 'query'] as const)
      if (now.clocks[clock] > clocks[clock] || now.clocks[clock] < (last?.clocks[clock] ?? 0))
        broken(`${where} its ${clock} clock at ${now.clocks[clock]}, and it stands at ${clocks[clock]}`);
    for (const { name, addr } of now.peers)
      if (this.#addresses.get(name)?.has(addr) !== true && !this.#context.isForged(name))
        broken(`${where} ${name} at ${addr}, where it never lived`);
    const services = now.registered?.services.length ?? 0;
    if (services !== view.local.services().size)
      broken(`${where} ${services} services of ${view.local.services().size}`);
  }

  #checkCatalog(host: SimHost, shelf: Uint8Array): void {
    const { reportViolation: broken } = this.#context;
    try {
      const memory = parseCatalogSnapshot(shelf);
      if (!sameBytes(encodeCatalogSnapshot(memory), shelf))
        broken(`I17 ${host.label} remembers a catalogue that reads back otherwise`);
      const whole = new Set(memory.ledgers.map(progressOf));
      for (let i = 0; i < TEARS; i++) {
        const part = shelf.subarray(0, Math.floor((shelf.length * (2 * i + 1)) / (2 * TEARS)));
        for (const ledger of restoredProgress(part))
          if (!whole.has(ledger)) broken(`I17 ${host.label}: a torn catalogue tells of ${ledger}`);
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      broken(`I17 ${host.label} remembers a catalogue that cannot be read: ${error.message}`);
    }
  }
}

const progressOf = ({ owner, epoch, to }: { owner: string; epoch: number; to: number }): string =>
  `${owner} ${epoch}.${to}`;

/** What a part of a remembered catalogue would bring back; nothing if it is refused, as it should be. */
function restoredProgress(part: Uint8Array): string[] {
  try {
    return parseCatalogSnapshot(part).ledgers.map(progressOf);
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}

/** Numbers, texts, truths, lists and plain objects of them: what any format gives back as it was. */
function isPlainData(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.every(isPlainData);
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlainData);
}
