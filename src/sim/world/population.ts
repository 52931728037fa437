/** The hosts of a world by label and by address, and what an agent born on one gets. */
import type { AgentOptions } from '../../agent/agent.ts';
import { type Address, address } from '../../base/address.ts';
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { serf } from '../../config/protocol.ts';
import { valuesOf } from '../../config/setting.ts';
import { Host, type HostOptions } from './host.ts';
import { entryInterner, interner } from './intern.ts';

const PORT = 7946;
/** What wall clocks show when a world begins. */
const WALL = 1_790_000_000_000;

export class Population {
  readonly #byLabel = new Map<string, Host>();
  readonly #byAddress = new Map<string, Host>();
  readonly #intern = interner();
  readonly #internEntries = entryInterner();
  #addresses = 0;

  /** In the order in which they were added. */
  all(): Iterable<Host> {
    return this.#byLabel.values();
  }

  get(label: string): Host {
    const host = this.#byLabel.get(label);
    if (host === undefined) throw new Error(`this world has no host ${label}`);
    return host;
  }

  at(key: string): Host | undefined {
    return this.#byAddress.get(key);
  }

  add(label: string, options: HostOptions): Host {
    if (this.#byLabel.has(label)) throw new Error(`this world has a host ${label} already`);
    const host = new Host(label, this.newAddress(options.v6), options);
    this.#byLabel.set(label, host);
    this.#byAddress.set(host.address.key, host);
    return host;
  }

  /** Gives a host another address; nobody answers at the old one. */
  move(host: Host): void {
    this.#byAddress.delete(host.address.key);
    host.address = this.newAddress(host.options.v6);
    this.#byAddress.set(host.address.key, host);
  }

  /** An address nobody has had. */
  newAddress(v6 = false): Address {
    this.#addresses += 1;
    const n = this.#addresses;
    const tail = [(n >> 16) & 255, (n >> 8) & 255, n & 255];
    // Unique local addresses of IPv6, or a private network of IPv4.
    const head = v6 ? [0xfd, ...new Array<number>(12).fill(0)] : [10];
    return address(new Uint8Array([...head, ...tail]), PORT);
  }

  /** What the agent of the host's present life is born with. */
  birthright(host: Host, rng: Rng, nonce: () => Uint8Array, remember: boolean, now: Millis): AgentOptions {
    const { options, disk, shelf } = host;
    return {
      name: host.name,
      address: host.address,
      tags: new Map(Object.entries(options.tags ?? {})),
      swim: host.swim,
      serf: valuesOf(serf, options.serf),
      keys: host.keys,
      keepsKeys: options.disk ?? true,
      label: options.label ?? '',
      rng,
      nonce,
      ...(remember && disk !== undefined ? { snapshot: disk } : {}),
      ...(remember && shelf !== undefined ? { catalog: shelf } : {}),
      remembers: options.disk ?? true,
      // A wall clock would have gone on while the host was down, and stands nowhere twice.
      bornAt: WALL + host.clock + Math.floor(now) + host.lives,
      intern: this.#intern,
      internEntries: this.#internEntries,
      now: host.time(now),
    };
  }
}
