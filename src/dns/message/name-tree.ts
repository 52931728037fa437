/**
 * Domain names as a tree of labels. A suffix that several names share is one node, which makes compression a pointer
 * comparison.
 */
import type { DnsName } from './records.ts';

/** Length in dotted form, two bytes less than on the wire. Source: RFC 1035 §2.3.4. */
const MAX_NAME_CHARS = 253;
const MAX_LABEL_BYTES = 63;

/** A name: its first label and, as `parent`, the rest. The encoder notes here where the name stands in a message. */
export class NameNode {
  /** As on the wire: a length byte, then the text. */
  readonly label: Uint8Array;
  /** `undefined` for the root only. */
  readonly parent: NameNode | undefined;
  /** Offset in the message that was encoded with number `generation`; meaningless in any other. */
  offset = 0;
  generation = 0;
  #children: Map<string, NameNode> | undefined;

  constructor(label: Uint8Array, parent: NameNode | undefined) {
    this.label = label;
    this.parent = parent;
  }

  /** The name with this label in front, if it is in the tree. Case-sensitive. */
  findChild(label: string): NameNode | undefined {
    return this.#children?.get(label);
  }

  /** As `findChild`, but adds the name if it is missing. Throws `RangeError` if `label` is empty or too long. */
  getOrAddChild(label: string): NameNode {
    const existing = this.findChild(label);
    if (existing !== undefined) return existing;
    const text = Buffer.from(label);
    if (text.length === 0 || text.length > MAX_LABEL_BYTES)
      throw new RangeError('a label that is empty or longer than 63 bytes');
    const node = new NameNode(Uint8Array.of(text.length, ...text), this);
    this.#children ??= new Map();
    this.#children.set(label, node);
    return node;
  }
}

export class NameTree {
  readonly root = new NameNode(new Uint8Array(0), undefined);

  /** Throws `RangeError` if `name` or one of its labels is too long, or a label is empty. */
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
