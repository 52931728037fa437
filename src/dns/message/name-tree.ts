/** Names as a tree of labels: the ends that several names share are one node, and are found without being spelled. */
import type { DnsName } from './records.ts';

/** As written, dotted: two bytes less than on the wire. Source: RFC 1035 §2.3.4. */
const MAX_NAME_CHARS = 253;
const MAX_LABEL_BYTES = 63;

/** A name, as its first label and the rest of it. Where it stands in a message is noted here by whoever writes one. */
export class NameNode {
  /** Its length and its letters. */
  readonly label: Uint8Array;
  /** Only the root has none. */
  readonly parent: NameNode | undefined;
  /** Where it was written last, and in which writing. */
  offset = 0;
  generation = 0;
  #children: Map<string, NameNode> | undefined;

  constructor(label: Uint8Array, rest: NameNode | undefined) {
    this.label = label;
    this.parent = rest;
  }

  /** The name with this label in front, if it is in the tree. Letters count. */
  findChild(label: string): NameNode | undefined {
    return this.#children?.get(label);
  }

  /** The same, made if need be. Throws `RangeError` on what cannot be a label. */
  getOrAddChild(label: string): NameNode {
    const held = this.findChild(label);
    if (held !== undefined) return held;
    const letters = Buffer.from(label);
    if (letters.length === 0 || letters.length > MAX_LABEL_BYTES)
      throw new RangeError('a label that is empty or longer than 63 bytes');
    const node = new NameNode(Uint8Array.of(letters.length, ...letters), this);
    this.#children ??= new Map();
    this.#children.set(label, node);
    return node;
  }
}

export class NameTree {
  readonly root = new NameNode(new Uint8Array(0), undefined);

  /** Throws `RangeError` on what cannot be a name. */
  insert(name: DnsName): NameNode {
    if (name.length > MAX_NAME_CHARS) throw new RangeError('a name longer than 253 bytes');
    let node = this.root;
    if (name === '') return node;
    let end = name.length;
    while (end >= 0) {
      const dot = end === 0 ? -1 : name.lastIndexOf('.', end - 1);
      node = node.getOrAddChild(name.slice(dot + 1, end));
      end = dot;
    }
    return node;
  }
}
