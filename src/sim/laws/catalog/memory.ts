/**
 * I17, the simulator's part: what an agent asks to have remembered is plain data, was true at that moment and never goes
 * back; what was remembered of the catalogue reads back to the last octet, and any part of it that a torn write leaves
 * is refused or holds nothing untrue; and a life that begins from memory goes on where the last one was.
 */

import type { Fact } from '../../../agent/contract/facts.ts';
import type { Snapshot } from '../../../agent/contract/machine.ts';
import { sameBytes } from '../../../base/bytes.ts';
import { WireError } from '../../../base/errors.ts';
import { recall } from '../../../catalog/catalog.ts';
import { encodeMemory } from '../../../wire/catalog.ts';
import type { Host } from '../../world/host.ts';
import type { Ground, Law } from '../law.ts';

/** Torn writes tried on each catalogue that is remembered. */
const TEARS = 4;

export class Memory implements Law {
  readonly #ground: Ground;
  /** The last snapshot of each host's present life. */
  readonly #last = new Map<Host, Snapshot>();
  readonly #shelves = new Map<Host, Uint8Array>();
  /** Every address a name ever had. */
  readonly #addresses = new Map<string, Set<string>>();
  /** Born from this, and not looked at since. */
  readonly #born = new Map<Host, Snapshot>();

  constructor(ground: Ground) {
    this.#ground = ground;
    ground.world.watch({ remembered: (host, what) => this.#remembered(host, what) });
  }

  started(host: Host): void {
    this.#last.delete(host);
    this.#livesAt(host);
    this.#born.delete(host);
    const { incarnation } = host.live.view.self();
    if (incarnation === 1) return; // a life without memory
    const { disk } = host;
    if (disk === undefined || incarnation !== disk.incarnation + 1)
      this.#ground.broken(
        `I17 ${host.label} is born @${incarnation}, and remembers @${disk?.incarnation ?? 'nothing'}`,
      );
    else this.#born.set(host, disk);
  }

  fact(host: Host, { kind }: Fact): void {
    if (kind === 'addressChanged') this.#livesAt(host);
  }

  looked(host: Host): void {
    const born = this.#born.get(host);
    if (born === undefined || host.agent === undefined) return;
    this.#born.delete(host);
    const had = born.registered?.services.length ?? 0;
    const has = host.agent.view.local.services().size;
    if (has < had) this.#ground.broken(`I17 ${host.label} remembers ${had} services and has ${has}`);
  }

  #livesAt({ name, address }: Host): void {
    const known = this.#addresses.get(name);
    if (known === undefined) this.#addresses.set(name, new Set([address.key]));
    else known.add(address.key);
  }

  #remembered(host: Host, what: 'snapshot' | 'catalog'): void {
    const { disk, shelf } = host;
    if (what === 'snapshot' && disk !== undefined) {
      this.#true(host, disk);
      this.#last.set(host, disk);
    }
    if (what === 'catalog' && shelf !== undefined && shelf !== this.#shelves.get(host)) {
      this.#shelves.set(host, shelf);
      this.#readable(host, shelf);
    }
  }

  #true(host: Host, now: Snapshot): void {
    if (host.agent === undefined) return;
    const { broken } = this.#ground;
    const { view } = host.agent;
    const where = `I17 ${host.label} remembers`;
    const last = this.#last.get(host);
    const { incarnation } = view.self();
    const clocks = view.health().clocks;
    if (!isPlain(now)) broken(`${where} what no file can hold`);
    if (now.incarnation > incarnation || now.incarnation < (last?.incarnation ?? 0))
      broken(`${where} @${now.incarnation}, is @${incarnation} and was @${last?.incarnation ?? 0}`);
    for (const clock of ['member', 'event', 'query'] as const)
      if (now.clocks[clock] > clocks[clock] || now.clocks[clock] < (last?.clocks[clock] ?? 0))
        broken(`${where} its ${clock} clock at ${now.clocks[clock]}, and it stands at ${clocks[clock]}`);
    for (const { name, addr } of now.peers)
      if (this.#addresses.get(name)?.has(addr) !== true && !this.#ground.isSlandered(name))
        broken(`${where} ${name} at ${addr}, where it never lived`);
    const services = now.registered?.services.length ?? 0;
    if (services !== view.local.services().size)
      broken(`${where} ${services} services of ${view.local.services().size}`);
  }

  #readable(host: Host, shelf: Uint8Array): void {
    const { broken } = this.#ground;
    try {
      const memory = recall(shelf);
      if (!sameBytes(encodeMemory(memory), shelf))
        broken(`I17 ${host.label} remembers a catalogue that reads back otherwise`);
      const whole = new Set(memory.ledgers.map(progressOf));
      for (let i = 0; i < TEARS; i++) {
        const part = shelf.subarray(0, Math.floor((shelf.length * (2 * i + 1)) / (2 * TEARS)));
        for (const ledger of recalled(part))
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
function recalled(part: Uint8Array): string[] {
  try {
    return recall(part).ledgers.map(progressOf);
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}

/** Numbers, texts, truths, lists and plain objects of them: what any format gives back as it was. */
function isPlain(value: unknown): boolean {
  if (typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.every(isPlain);
  return Object.getPrototypeOf(value) === Object.prototype && Object.values(value).every(isPlain);
}
