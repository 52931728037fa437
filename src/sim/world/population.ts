/** The hosts of a world by label and by address, and the options that their agents get. */
import type { AgentOptions } from '../../agent/agent.ts';
import { type Address, toAddress } from '../../base/address.ts';
import { assert } from '../../base/assert.ts';
import { createRng, type Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { serfSection } from '../../config/protocol.ts';
import { withDefaults } from '../../config/setting.ts';
import { SimHost, type SimHostOptions } from './host.ts';
import { createEntryInterner, createIdentityInterner } from './intern.ts';

const PORT = 7946;
/** The wall clock at the beginning of a world. */
const WALL = 1_790_000_000_000;

/** What a new process gets besides the host's own options. */
export interface BootOptions {
  readonly rng: Rng;
  readonly nonce: () => Uint8Array;
  /** Whether the agent gets what the last process saved. */
  readonly restore: boolean;
  readonly now: Millis;
}

export class Population {
  readonly #byLabel = new Map<string, SimHost>();
  readonly #byAddress = new Map<string, SimHost>();
  readonly #intern = createIdentityInterner();
  readonly #internEntries = createEntryInterner();
  #addresses = 0;

  /** In the order in which they were added. */
  all(): Iterable<SimHost> {
    return this.#byLabel.values();
  }

  get(label: string): SimHost {
    const host = this.#byLabel.get(label);
    if (host === undefined) throw new Error(`this world has no host ${label}`);
    return host;
  }

  byAddress(key: string): SimHost | undefined {
    return this.#byAddress.get(key);
  }

  add(label: string, options: SimHostOptions): SimHost {
    if (this.#byLabel.has(label)) throw new Error(`this world has a host ${label} already`);
    const host = new SimHost(label, this.newAddress(options.v6), options, createRng(this.#addresses));
    this.#byLabel.set(label, host);
    this.#byAddress.set(host.address.key, host);
    return host;
  }

  /** Gives a host another address; no host has the old one from then on. */
  changeAddress(host: SimHost): void {
    // Invariant: every host is found at its own address, and at no other.
    assert(this.#byAddress.get(host.address.key) === host, 'a host that is not found at its own address');
    this.#byAddress.delete(host.address.key);
    host.address = this.newAddress(host.options.v6);
    this.#byAddress.set(host.address.key, host);
  }

  /** An address that no host has had. */
  newAddress(v6 = false): Address {
    this.#addresses += 1;
    const n = this.#addresses;
    const tail = [(n >> 16) & 255, (n >> 8) & 255, n & 255];
    // Unique local addresses of IPv6, or a private network of IPv4.
    const head = v6 ? [0xfd, ...new Array<number>(12).fill(0)] : [10];
    return toAddress(new Uint8Array([...head, ...tail]), PORT);
  }

  /** The options of the agent that is started now. */
  agentOptions(host: SimHost, { rng, nonce, restore, now }: BootOptions): AgentOptions {
    const { options } = host;
    const { snapshot, catalog } = host.disk;
    return {
      name: host.name,
      address: host.address,
      tags: new Map(Object.entries(options.tags ?? {})),
      swim: host.swim,
      serf: withDefaults(serfSection, options.serf),
      keys: host.keys,
      persistsKeys: options.disk ?? true,
      label: options.gossipLabel ?? '',
      rng,
      nonce,
      ...(restore && snapshot !== undefined ? { snapshot } : {}),
      ...(restore && catalog !== undefined ? { catalog } : {}),
      persistsSnapshots: options.disk ?? true,
      hasSeeds: options.hasSeeds === true,
      // A wall clock runs on while the host is down, and shows no time twice.
      startedAt: WALL + host.wallClockOffset + Math.floor(now) + host.bootCount,
      intern: this.#intern,
      internEntries: this.#internEntries,
      ...(options.retention === undefined ? {} : { retention: options.retention }),
      now: host.toHostTime(now),
    };
  }
}
