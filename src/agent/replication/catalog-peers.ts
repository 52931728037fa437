/**
 * Catalog peers: the members that understand catalog messages, as their tag says. The list is computed per change, not
 * per packet.
 */
import type { Address } from '../../base/address.ts';
import { type Rng, shuffle } from '../../base/rng.ts';
import { Hash } from '../../catalog/hash.ts';
import { hasCatalog } from '../../model/capability.ts';
import { tagsFromIdentity } from '../../serf/tags.ts';
import type { Member, MemberEvent, MembersView } from '../../swim/types.ts';

/** Positions on the ring. */
const RING = 2 ** 32;

const isAbsent = ({ absence }: Member): boolean => absence !== undefined;

export class CatalogPeers {
  readonly #members: MembersView;
  readonly #rng: Rng;
  #peers: Member[] | undefined;
  /** The same by the keys of their addresses; of several at one address the first. */
  readonly #byAddress = new Map<string, Member>();
  #isAddressShared = false;
  #ringNeighbors: readonly Member[] | undefined;
  /** Members that had answered when the neighbors were found, and whether they were a crowd. */
  #answered = 0;
  #wasCrowded = false;

  constructor(members: MembersView, rng: Rng) {
    this.#members = members;
    this.#rng = rng;
  }

  /** To be called for each event of swim/, which changes a member's state and identity by no other way. */
  onMemberEvent(event: MemberEvent): void {
    const { kind, member } = event;
    if (kind === 'nameConflict') return;
    if (this.#peers === undefined) return this.#forgetAll(); // the ring of a crowd is made without the list
    const { key } = member.identity.address;
    const first = this.#byAddress.get(key);
    const isListed = first === member;
    // Where two share an address, or one may have moved, all are looked at again.
    if (kind === 'memberUpdated' || this.#isAddressShared || (first !== undefined && !isListed))
      return this.#forgetAll();
    if (isListed === this.#isUpPeer(member)) return;
    if (isListed) this.#remove(member);
    else if (kind === 'memberJoined' && event.isNew === true) this.#add(member);
    else this.#forgetAll(); // the list is in the order of the table, where one that is back has its old place
  }

  #forgetAll(): void {
    this.#peers = undefined;
    this.#ringNeighbors = undefined;
  }

  #add(member: Member): void {
    this.#peers?.push(member);
    this.#byAddress.set(member.identity.address.key, member);
    if (this.#ringNeighbors === undefined) return;
    const { self, isCrowded } = this.#members;
    if (isCrowded !== this.#wasCrowded) this.#ringNeighbors = undefined;
    // The ring of a crowd is of those that have answered, if any has.
    else if (!isCrowded || hasAnswered(member) === this.#ringNeighbors.some(hasAnswered))
      this.#ringNeighbors = findNeighbors(self, [...this.#ringNeighbors, member]);
    else if (hasAnswered(member)) this.#ringNeighbors = undefined;
  }

  #remove(member: Member): void {
    this.#peers?.splice(this.#peers.indexOf(member), 1);
    this.#byAddress.delete(member.identity.address.key);
    const isNeighbor = this.#ringNeighbors?.includes(member) === true;
    if (isNeighbor || this.#members.isCrowded !== this.#wasCrowded) this.#ringNeighbors = undefined;
  }

  isCatalogPeer(member: Member): boolean {
    return hasCatalog(tagsFromIdentity(member.identity));
  }

  /** A member of this name understands the catalog, and so may have a ledger. */
  isOwner(name: string): boolean {
    const member = this.#members.get(name);
    return member !== undefined && this.isCatalogPeer(member);
  }

  isAddressOfMember(address: Address): boolean {
    return this.#members.isAddressOfMember(address);
  }

  isHostOfMember(address: Address): boolean {
    return this.#members.isHostOfMember(address);
  }

  /** The catalog peers that are up, with this agent itself. */
  get count(): number {
    return this.#all().length + 1;
  }

  /** The catalog peers that are up, without this agent. */
  all(): readonly Member[] {
    return this.#all();
  }

  /** Those of them that are not absent. */
  get presentCount(): number {
    const peers = this.#all();
    return this.#members.absentCount === 0 ? peers.length : peers.filter((peer) => !isAbsent(peer)).length;
  }

  /**
   * Up to `n` random catalog peers that are up and not absent, without this agent; if some are wanted, only those. In a crowd all but
   * one have answered, if there are as many: members that do not exist must not take what is meant for those that do (S1).
   */
  pickRandom(n: number, isWanted: (peer: Member) => boolean): readonly Member[] {
    const isPresent = (peer: Member): boolean => !isAbsent(peer);
    const wanted = this.#pick(n, (peer) => isPresent(peer) && isWanted(peer));
    return wanted.length > 0 ? wanted : this.#pick(n, isPresent);
  }

  #pick(n: number, isEligible: (peer: Member) => boolean): readonly Member[] {
    const { answered, isCrowded } = this.#members;
    const known = n > 1 && isCrowded ? [...answered] : [];
    const real = known.filter((member) => isEligible(member) && this.#isUpPeer(member));
    const picked = new Set(pickSome(real, n - 1, this.#rng));
    for (const peer of pickSome(this.#all(), n, this.#rng, isEligible)) if (picked.size < n) picked.add(peer);
    return [...picked];
  }

  /** The next and the previous catalog peer that are up, on a ring that is the same at all agents; one if there is only one. */
  get ringNeighbors(): readonly Member[] {
    const { self, answered } = this.#members;
    if (this.#answered !== answered.size) this.#ringNeighbors = undefined;
    if (this.#ringNeighbors !== undefined) return this.#ringNeighbors;
    this.#answered = answered.size;
    this.#wasCrowded = this.#members.isCrowded;
    this.#ringNeighbors = findNeighbors(self, this.#reliable());
    return this.#ringNeighbors;
  }

  /** The next `count` catalog peers that are up, in the order of the ring; in a crowd, of those that have answered. */
  successors(count: number): readonly Member[] {
    return this.#following(this.#reliable(), count);
  }

  /** The next `count` catalog peers that are up, whether they have answered or not. */
  allSuccessors(count: number): readonly Member[] {
    return this.#following(this.#all(), count);
  }

  #following(peers: readonly Member[], count: number): readonly Member[] {
    const at = ringPosition(this.#members.self);
    const nearest: OnRing[] = [];
    for (const peer of peers) {
      const after = (ringPosition(peer) - at + RING) % RING;
      if (nearest.length >= count && after >= (nearest.at(-1)?.after ?? 0)) continue;
      nearest.splice(nearest.findLastIndex((one) => one.after <= after) + 1, 0, { peer, after });
      if (nearest.length > count) nearest.pop();
    }
    return nearest.map(({ peer }) => peer);
  }

  /** Up to `count` catalog peers around this agent on the ring: whom it finds here finds it in turn. */
  ringAround(count: number): readonly Member[] {
    const at = ringPosition(this.#members.self);
    const ring = this.#reliable()
      .map((peer): OnRing => ({ peer, after: (ringPosition(peer) - at + RING) % RING }))
      .sort((a, b) => a.after - b.after);
    const after = ring.slice(0, Math.ceil(count / 2));
    const before = count < 2 ? [] : ring.slice(-Math.floor(count / 2));
    return [...new Set([...after, ...before])].map(({ peer }) => peer);
  }

  /** The address of a member that is up and a catalog peer. */
  addressOf(name: string): Address | undefined {
    const member = this.#members.get(name);
    return member !== undefined && this.#isPeer(member) ? member.identity.address : undefined;
  }

  isAddressOf(name: string, address: Address): boolean {
    return this.addressOf(name)?.key === address.key;
  }

  /** The catalog peer with this address. */
  findByAddress(key: string): Member | undefined {
    this.#all();
    return this.#byAddress.get(key);
  }

  /** The ring is of those that exist, as far as this agent knows. */
  #reliable(): readonly Member[] {
    if (!this.#members.isCrowded) return this.#all();
    const answered = [...this.#members.answered].filter((member) => this.#isUpPeer(member));
    return answered.length > 0 ? answered : this.#all();
  }

  #isPeer(member: Member): boolean {
    const first = this.findByAddress(member.identity.address.key);
    return first === member || (first !== undefined && this.#all().includes(member));
  }

  #all(): Member[] {
    if (this.#peers === undefined) {
      this.#peers = [];
      this.#byAddress.clear();
      this.#isAddressShared = false;
      for (const member of this.#members.all())
        if (this.#isUpPeer(member)) {
          this.#peers.push(member);
          const { key } = member.identity.address;
          if (this.#byAddress.has(key)) this.#isAddressShared = true;
          else this.#byAddress.set(key, member);
        }
    }
    return this.#peers;
  }

  #isUpPeer(member: Member): boolean {
    const isUp = member.state === 'alive' || member.state === 'suspect';
    return isUp && member !== this.#members.self && this.isCatalogPeer(member);
  }
}

interface OnRing {
  readonly peer: Member;
  /** How far behind this agent. */
  readonly after: number;
}

const hasAnswered = (member: Member): boolean => member.hasAnswered === true;

/** Up to `n` of them. As a rule most are eligible, so that a few draws find them, however many peers there are. */
function pickSome(
  peers: readonly Member[],
  n: number,
  rng: Rng,
  isEligible: (peer: Member) => boolean = () => true,
): readonly Member[] {
  const picked = new Set<Member>();
  for (let draws = peers.length < 4 * n ? 0 : 4 * n; draws > 0 && picked.size < n; draws--) {
    const peer = peers[rng.int(peers.length)] as Member;
    if (!picked.has(peer) && isEligible(peer)) picked.add(peer);
  }
  return picked.size === n ? [...picked] : shuffle(peers.filter(isEligible), rng).slice(0, n);
}

/** The ring is in the order of hashes, so that neighbors by name, which often share a rack, are not neighbors on it. */
const ringPosition = (member: Member): number => new Hash().updateText(member.identity.name).high >>> 0;

function findNeighbors(self: Member, peers: readonly Member[]): readonly Member[] {
  const at = ringPosition(self);
  let next: OnRing | undefined;
  let previous: OnRing | undefined;
  for (const peer of peers) {
    const after = (ringPosition(peer) - at + RING) % RING;
    if (next === undefined || after < next.after) next = { peer, after };
    if (previous === undefined || after > previous.after) previous = { peer, after };
  }
  if (next === undefined || previous === undefined) return [];
  return next.peer === previous.peer ? [next.peer] : [next.peer, previous.peer];
}
