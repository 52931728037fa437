/**
 * What an agent born again still knows of others: their ledgers, and where they lived. It answers with that at once,
 * and what it says is marked warm, until membership speaks of a node or the grace is over. Ledgers are catalog/'s.
 */
import { parseAddress } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { type CatalogOptions, recall } from '../../catalog/catalog.ts';
import type { Member } from '../../swim/types.ts';
import type { Peer } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import type { MemberView } from '../contract/view.ts';

type Memory = NonNullable<CatalogOptions['memory']>;

/** A node that nobody spoke of for this long after our birth is no member any more. */
const GRACE: Millis = 60_000;
const NO_TAGS: ReadonlyMap<string, string> = new Map();
const UNKNOWN_VSN = new Uint8Array(6);

export class Warmth {
  /** Ledgers of those who were up, for the catalogue; `undefined` if nothing is remembered. */
  readonly memory: Memory | undefined;
  /** Why what was remembered could not be read. */
  readonly refused: string | undefined;
  /** Members of the last life that this one has not met yet. */
  readonly #unmet = new Map<string, Peer>();
  /** Those of them whose ledgers we hold. */
  readonly #awaited = new Map<string, MemberView>();
  #until: Millis = NEVER;

  constructor({ name, snapshot, catalog, now }: AgentOptions) {
    for (const peer of snapshot?.peers ?? []) if (peer.name !== name) this.#unmet.set(peer.name, peer);
    if (catalog === undefined) return;
    try {
      const memory = recall(catalog);
      // Who was down already, or had left, does not come back to life by our restart.
      const ledgers = memory.ledgers.filter(({ owner }) => this.#vouch(owner, now));
      this.memory = { ...memory, ledgers };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.refused = error.message;
    }
    if (this.#awaited.size > 0) this.#until = now + GRACE;
  }

  get deadline(): Millis {
    return this.#until;
  }

  /** Names of those we answer for, though we have not met them. */
  awaited(): Iterable<string> {
    return this.#awaited.keys();
  }

  isAwaited(name: string): boolean {
    return this.#awaited.has(name);
  }

  /** As good a member as can be made of what is remembered. Names match without regard to case if none is exact. */
  member(name: string): MemberView | undefined {
    if (this.#awaited.size === 0) return undefined;
    const exact = this.#awaited.get(name);
    if (exact !== undefined) return exact;
    const folded = name.toLowerCase();
    for (const view of this.#awaited.values()) if (view.name.toLowerCase() === folded) return view;
    return undefined;
  }

  /** Membership's word about a node, whichever it is, counts from here on. Was it awaited? */
  met(name: string): boolean {
    this.#unmet.delete(name);
    const was = this.#awaited.delete(name);
    if (this.#awaited.size === 0) this.#until = NEVER;
    return was;
  }

  /** Those to be given up now. */
  expired(now: Millis): readonly string[] {
    if (now < this.#until) return [];
    const names = [...this.#awaited.keys()];
    this.#awaited.clear();
    this.#until = NEVER;
    return names;
  }

  /** Whom to go on remembering. `alone`: we have met nobody, so even those given up are our only way back. */
  peers(alone: boolean): readonly Peer[] {
    return [...this.#unmet.values()].filter(({ name }) => alone || this.#awaited.has(name));
  }

  /** Are we to answer for this owner until it is met? */
  #vouch(name: string, now: Millis): boolean {
    const peer = this.#unmet.get(name);
    const view = peer === undefined || peer.down === true ? undefined : rememberedMember(peer, now);
    if (view !== undefined) this.#awaited.set(name, view);
    return view !== undefined;
  }
}

function rememberedMember({ name, addr }: Peer, since: Millis): MemberView | undefined {
  const address = parseAddress(addr);
  if (address === undefined) return undefined;
  const identity = { name, address, meta: NO_BYTES, vsn: UNKNOWN_VSN };
  const member: Member = { identity, state: 'alive', incarnation: 0, since };
  return {
    name,
    address,
    tags: NO_TAGS,
    status: 'alive',
    serf: { name, status: 'alive', statusLTime: 0, downAt: undefined, member, tags: NO_TAGS },
    state: 'alive',
    incarnation: 0,
    since,
    vsn: UNKNOWN_VSN,
  };
}
