/**
 * Where rows live, which of them are up, and where one of them has answered. Nearly always a host has one row, which takes one entry;
 * hosts with more are counted by port, so that a look takes the same time however many rows somebody has invented at one address (S1).
 */
import type { Address } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import type { MutableMember } from './member-row.ts';
import { isUp } from './precedence.ts';
import type { Standing } from './types.ts';

interface Count {
  rows: number;
  up: number;
  answered: number;
}

/** The rows of a host that has had several: in all, and by port. */
class SharedHost {
  readonly #byPort = new Map<number, Count>();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  at(port: number): Readonly<Count> {
    return this.#byPort.get(port) ?? NOBODY;
  }

  count(row: MutableMember, by: number): void {
    const { port } = row.identity.address;
    const held = this.#byPort.get(port) ?? { ...NOBODY };
    this.#rows += by;
    held.rows += by;
    if (isUp(row.state)) held.up += by;
    if (row.hasAnswered === true) held.answered += by;
    if (held.rows > 0) this.#byPort.set(port, held);
    else this.#byPort.delete(port);
  }

  /** The row has changed in this respect. */
  adjust({ identity }: MutableMember, what: 'up' | 'answered', by: number): void {
    const held = this.#byPort.get(identity.address.port);
    if (held !== undefined) held[what] += by;
  }
}

/** Hosts are equal for the 4-octet and the 16-octet form of an IPv4 address. */
export class AddressBook {
  readonly #byHost = new Map<string, MutableMember | SharedHost>();

  add(row: MutableMember): void {
    const { host } = row.identity.address;
    const held = this.#byHost.get(host);
    if (held === undefined) return void this.#byHost.set(host, row);
    const shared = held instanceof SharedHost ? held : new SharedHost();
    if (held !== shared) {
      shared.count(held as MutableMember, 1);
      this.#byHost.set(host, shared);
    }
    shared.count(row, 1);
  }

  /** To be called before the row gets another address. */
  delete(row: MutableMember): void {
    const { host } = row.identity.address;
    const held = this.#byHost.get(host);
    if (held instanceof SharedHost) held.count(row, -1);
    // Invariant: every row is found where it lives.
    else assert(held === row, `${row.identity.name} is not at ${host}`);
    if (held === row || (held as SharedHost).rows === 0) this.#byHost.delete(host);
  }

  /** To be called after the row has come up, or has gone down. */
  onUp(row: MutableMember, by: number): void {
    this.#sharedHostOf(row)?.adjust(row, 'up', by);
  }

  /** To be called after the row has answered at its address, or counts as not having answered any more. */
  onAnswered(row: MutableMember, by: number): void {
    this.#sharedHostOf(row)?.adjust(row, 'answered', by);
  }

  /** The rows of any state and port at this host. */
  countAtHost(host: string): number {
    const held = this.#byHost.get(host);
    return held instanceof SharedHost ? held.rows : held === undefined ? 0 : 1;
  }

  /** The rows at this address that are up. */
  countUpAt({ host, port }: Address): number {
    const held = this.#byHost.get(host);
    if (held instanceof SharedHost) return held.at(port).up;
    return held?.identity.address.port === port && isUp(held.state) ? 1 : 0;
  }

  standingOf({ host, port }: Address): Standing {
    const held = this.#byHost.get(host);
    if (held === undefined) return 'outsider';
    if (held instanceof SharedHost) {
      const { rows, answered } = held.at(port);
      return answered > 0 ? 'answered' : rows > 0 ? 'unanswered' : 'outsider';
    }
    if (held.identity.address.port !== port) return 'outsider';
    return held.hasAnswered === true ? 'answered' : 'unanswered';
  }

  #sharedHostOf({ identity }: MutableMember): SharedHost | undefined {
    const held = this.#byHost.get(identity.address.host);
    return held instanceof SharedHost ? held : undefined;
  }
}

const NOBODY: Readonly<Count> = { rows: 0, up: 0, answered: 0 };
