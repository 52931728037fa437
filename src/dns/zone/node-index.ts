/** Members by address, and the names in between that dots in node names make. Rebuilt when membership has changed. */
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

  /** The member at this address, 4 or 16 octets; of several the one that is up, then the first by name. */
  findByAddress(ip: Uint8Array): MemberView | undefined {
    this.#refresh();
    return this.#byAddress.get(toIpKey(ip));
  }

  /** Is `name` the end of a node's name, after a dot? `b` is, if there is a node `a.b`. */
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
      const held = this.#byAddress.get(key);
      if (held === undefined || isPreferred(member, held)) this.#byAddress.set(key, member);
      const name = member.name.toLowerCase();
      for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
        this.#emptyNonTerminals.add(name.slice(dot + 1));
    }
  }
}

function isPreferred(one: MemberView, other: MemberView): boolean {
  const up = (member: MemberView) => member.status !== 'failed';
  return up(one) === up(other) ? one.name < other.name : up(one);
}
