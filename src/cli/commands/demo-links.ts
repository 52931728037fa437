/** The network of a demo: agents of one process, any of which can be cut off. */

/** What gets lost: what the agent is sent, what it sends, or both. */
export type Cut = 'inbound' | 'outbound' | 'both';

export class DemoLinks {
  /** By gossip address. */
  readonly #cuts = new Map<string, Cut>();
  readonly #watchers = new Set<() => void>();

  cut(address: string, what: Cut): void {
    const before = this.#cuts.get(address) ?? what;
    this.#cuts.set(address, before === what ? what : 'both');
  }

  /** Whether it was cut off. */
  heal(address: string): boolean {
    const wasCut = this.#cuts.delete(address);
    if (wasCut) for (const onHeal of [...this.#watchers]) onHeal();
    return wasCut;
  }

  /** `undefined`: some peer whose address is not known. */
  passes(from: string | undefined, to: string | undefined): boolean {
    const [sender, receiver] = [from, to].map((one) => (one === undefined ? undefined : this.#cuts.get(one)));
    return (sender ?? 'inbound') === 'inbound' && (receiver ?? 'outbound') === 'outbound';
  }

  watch(onHeal: () => void): () => void {
    this.#watchers.add(onHeal);
    return () => this.#watchers.delete(onHeal);
  }
}
