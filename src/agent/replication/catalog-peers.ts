/** Which members understand our own messages: their tag says so. Counted and drawn from on change, not per packet. */
import type { Address } from '../../base/address.ts';
import { type Rng, shuffle } from '../../base/rng.ts';
import { tagsFromIdentity } from '../../serf/tags.ts';
import type { Member, MembersView } from '../../swim/types.ts';

/** The tag by which agents with a catalogue know one another; its value is the version of our messages. */
export const CAPABILITY_TAG = 'hearsay';
export const CAPABILITY = '1';

export class CatalogPeers {
  readonly #members: MembersView;
  readonly #rng: Rng;
  #peers: Member[] | undefined;

  constructor(members: MembersView, rng: Rng) {
    this.#members = members;
    this.#rng = rng;
  }

  /** Some member came, went or changed its tags. */
  invalidate(): void {
    this.#peers = undefined;
  }

  isCatalogPeer(member: Member): boolean {
    return tagsFromIdentity(member.identity).get(CAPABILITY_TAG) === CAPABILITY;
  }

  isMember(name: string): boolean {
    return this.#members.get(name) !== undefined;
  }

  /** Those who are up, ourselves included. */
  get count(): number {
    return this.#all().length + 1;
  }

  /** Up to `n` of those who are up, at random, without us. */
  pickRandom(n: number): readonly Member[] {
    const peers = this.#all();
    if (peers.length <= n) return [...peers];
    if (peers.length < 4 * n) return shuffle([...peers], this.#rng).slice(0, n);
    const picked = new Set<Member>();
    while (picked.size < n) picked.add(peers[this.#rng.int(peers.length)] as Member);
    return [...picked];
  }

  /** Where it lives, if it is up and one of them. */
  addressOf(name: string): Address | undefined {
    const member = this.#members.get(name);
    return member !== undefined && this.#all().includes(member) ? member.identity.address : undefined;
  }

  /** Who lives at this address, if it is one of them. */
  findByAddress(key: string): Member | undefined {
    return this.#all().find((peer) => peer.identity.address.key === key);
  }

  #all(): Member[] {
    if (this.#peers === undefined) {
      this.#peers = [];
      for (const member of this.#members.all())
        if (
          member !== this.#members.self &&
          (member.state === 'alive' || member.state === 'suspect') &&
          this.isCatalogPeer(member)
        )
          this.#peers.push(member);
    }
    return this.#peers;
  }
}
