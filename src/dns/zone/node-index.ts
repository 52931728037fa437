/**
 * Nodes by address, and the empty non-terminals that dots in node names create. Rebuilt when membership has changed.
 */
import type { View } from '../../agent/contract/view.ts';
import { toIpKey } from '../message/records.ts';
import { type DnsNode, dnsNodes } from './dns-node.ts';

export class NodeIndex {
  readonly #view: View;
  #builtAt = -1;
  readonly #byAddress = new Map<string, DnsNode>();
  readonly #emptyNonTerminals = new Set<string>();

  constructor(view: View) {
    this.#view = view;
  }

  /** The node at an address of 4 or 16 bytes. If there are several: one that is up, then a member, then the first by name. */
  findByAddress(ip: Uint8Array): DnsNode | undefined {
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
    for (const node of dnsNodes(this.#view)) {
      const key = toIpKey(node.ip);
      const existing = this.#byAddress.get(key);
      if (existing === undefined || (node.up && !existing.up)) this.#byAddress.set(key, node);
      const name = node.name.toLowerCase();
      for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
        this.#emptyNonTerminals.add(name.slice(dot + 1));
    }
  }
}
