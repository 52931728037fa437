/**
 * Where rows live, and where one of them has answered. Nearly always a host has one row, which takes one entry; hosts with more are
 * counted by port, so that a look takes the same time however many rows somebody has invented at one address (S1).
 */
import type { Address } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import type { MutableMember } from './member-row.ts';
import type { Standing } from './types.ts';

interface Count {
  rows: number;
  answered: number;
}

/** Hosts are equal for the 4-octet and the 16-octet form of an IPv4 address. */
export class AddressBook {
  readonly #byHost = new Map<string, MutableMember | Map<number, Count>>();

  add(row: MutableMember): void {
    const { host } = row.identity.address;
    const held = this.#byHost.get(host);
    if (held === undefined) return void this.#byHost.set(host, row);
    const counts = held instanceof Map ? held : new Map<number, Count>();
    if (counts !== held) {
      count(counts, held as MutableMember, 1);
      this.#byHost.set(host, counts);
    }
    count(counts, row, 1);
  }

  /** To be called before the row gets another address. */
  delete(row: MutableMember): void {
    const { host } = row.identity.address;
    const held = this.#byHost.get(host);
    if (held instanceof Map) count(held, row, -1);
    // Invariant: every row is found where it lives.
    else assert(held === row, `${row.identity.name} is not at ${host}`);
    if (held === row || (held as Map<number, Count>).size === 0) this.#byHost.delete(host);
  }

  /** To be called after the row has answered at its address, or counts as not having answered any more. */
  onAnswered(row: MutableMember, by: 1 | -1): void {
    const { host, port } = row.identity.address;
    const held = this.#byHost.get(host);
    const counted = held instanceof Map ? held.get(port) : undefined;
    if (counted !== undefined) counted.answered += by;
  }

  hasHost({ host }: Address): boolean {
    return this.#byHost.has(host);
  }

  standingOf({ host, port }: Address): Standing {
    const held = this.#byHost.get(host);
    if (held === undefined) return 'outsider';
    if (held instanceof Map) {
      const { rows, answered } = held.get(port) ?? NOBODY;
      return answered > 0 ? 'answered' : rows > 0 ? 'unanswered' : 'outsider';
    }
    if (held.identity.address.port !== port) return 'outsider';
    return held.hasAnswered === true ? 'answered' : 'unanswered';
  }
}

const NOBODY: Readonly<Count> = { rows: 0, answered: 0 };

function count(counts: Map<number, Count>, { identity, hasAnswered }: MutableMember, by: 1 | -1): void {
  const { port } = identity.address;
  const held = counts.get(port) ?? { rows: 0, answered: 0 };
  held.rows += by;
  if (hasAnswered === true) held.answered += by;
  if (held.rows > 0) counts.set(port, held);
  else counts.delete(port);
}
