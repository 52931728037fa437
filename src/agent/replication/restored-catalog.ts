/**
 * What an agent born again still knows of others: their ledgers, and where they lived. It answers with that at once,
 * and what it says is marked warm, until membership speaks of a node or the grace is over. Ledgers are catalog/'s.
 */
import { parseAddress } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import { type CatalogOptions, parseCatalogSnapshot } from '../../catalog/catalog.ts';
import type { Member } from '../../swim/types.ts';
import type { PreviousNode } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import type { MemberView } from '../contract/view.ts';

type RestoredLedgers = NonNullable<CatalogOptions['snapshot']>;

/** A node that nobody spoke of for this long after our birth is no member any more. */
const GRACE: Millis = 60_000;
const NO_TAGS: ReadonlyMap<string, string> = new Map();
const UNKNOWN_VSN = new Uint8Array(6);

export class RestoredCatalog {
  /** Ledgers of those who were up, for the catalogue; `undefined` if nothing is remembered. */
  readonly catalogSnapshot: RestoredLedgers | undefined;
  /** Why what was remembered could not be read. */
  readonly loadError: string | undefined;
  /** Members of the last life that this one has not met yet. */
  readonly #previousNodes = new Map<string, PreviousNode>();
  /** Those of them whose ledgers we hold. */
  readonly #unconfirmed = new Map<string, MemberView>();
  #until: Millis = NEVER;

  constructor({ name, snapshot, catalog, now }: AgentOptions) {
    for (const peer of snapshot?.peers ?? [])
      if (peer.name !== name) this.#previousNodes.set(peer.name, peer);
    if (catalog === undefined) return;
    try {
      const memory = parseCatalogSnapshot(catalog);
      // Who was down already, or had left, does not come back to life by our restart.
      const ledgers = memory.ledgers.filter(({ owner }) => this.#addUnconfirmed(owner, now));
      this.catalogSnapshot = { ...memory, ledgers };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.loadError = error.message;
    }
    if (this.#unconfirmed.size > 0) this.#until = now + GRACE;
  }

  get deadline(): Millis {
    return this.#until;
  }

  /** Names of those we answer for, though we have not met them. */
  unconfirmed(): Iterable<string> {
    return this.#unconfirmed.keys();
  }

  isUnconfirmed(name: string): boolean {
    return this.#unconfirmed.has(name);
  }

  /** As good a member as can be made of what is remembered. Names match without regard to case if none is exact. */
  unconfirmedMember(name: string): MemberView | undefined {
    if (this.#unconfirmed.size === 0) return undefined;
    const exact = this.#unconfirmed.get(name);
    if (exact !== undefined) return exact;
    const folded = name.toLowerCase();
    for (const view of this.#unconfirmed.values()) if (view.name.toLowerCase() === folded) return view;
    return undefined;
  }

  /** Membership's word about a node, whichever it is, counts from here on. Was it awaited? */
  confirm(name: string): boolean {
    this.#previousNodes.delete(name);
    const was = this.#unconfirmed.delete(name);
    if (this.#unconfirmed.size === 0) this.#until = NEVER;
    return was;
  }

  /** Those to be given up now. */
  expire(now: Millis): readonly string[] {
    if (now < this.#until) return [];
    const names = [...this.#unconfirmed.keys()];
    this.#unconfirmed.clear();
    this.#until = NEVER;
    return names;
  }

  /** Whom to go on remembering. `alone`: we have met nobody, so even those given up are our only way back. */
  previousNodes(alone: boolean): readonly PreviousNode[] {
    return [...this.#previousNodes.values()].filter(({ name }) => alone || this.#unconfirmed.has(name));
  }

  /** Are we to answer for this owner until it is met? */
  #addUnconfirmed(name: string, now: Millis): boolean {
    const peer = this.#previousNodes.get(name);
    const view = peer === undefined || peer.down === true ? undefined : toUnconfirmedMember(peer, now);
    if (view !== undefined) this.#unconfirmed.set(name, view);
    return view !== undefined;
  }
}

function toUnconfirmedMember({ name, addr }: PreviousNode, since: Millis): MemberView | undefined {
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
