/**
 * Members by address, and the empty non-terminals that dots in node names create. Rebuilt when membership has changed.
 */
import type { MemberView, View } from '../../agent/contract/view.ts';
import { toIpKey } from '../message/records.ts';

export class NodeIndex {
  readonly #view: View;
  #builtAt = -1;
  readonly #byAddress = new Map<string, MemberView>();
  readonly #emptyNonTerminals = new Set<string>();

  constructor(view: View) {
    this.#view = view;
  }

  /** The member at an address of 4 or 16 bytes. If there are several: one that is up, then the first by name. */
  findByAddress(ip: Uint8Array): MemberView | undefined {
    this.#refresh();
    return this.#byAddress.get(toIpKey(ip));
  }

  /** Is `name` an empty non-terminal (RFC 8020)? With a node `a.b`, `b` is. */
  isEmptyNonTerminal(name: string): boolean {
    this.#refresh();
    return this.#emptyNonTerminals.has(name.toLowerCase());
  }

  #refresh(): void {
    const index = this.#view.indexOf(['nodes']);
    if (index === this.#builtAt) return;
    this.#builtAt = index;
    this.#byAddress.clear();
    this.#emptyNonTerminals.clear();
    for (const member of this.#view.members()) {
      if (member.status === 'left') continue;
      const key = toIpKey(member.address.ip);
      const existing = this.#byAddress.get(key);
      if (existing === undefined || isPreferred(member, existing)) this.#byAddress.set(key, member);
      const name = member.name.toLowerCase();
      for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
        this.#emptyNonTerminals.add(name.slice(dot + 1));
    }
  }
}

function isPreferred(one: MemberView, other: MemberView): boolean {
  const isUp = (member: MemberView) => member.status !== 'failed';
  return isUp(one) === isUp(other) ? one.name < other.name : isUp(one);
}
