/**
 * The restored catalog: the ledgers of other members as a restarted agent reads them from disk. The agent answers with
 * them at once; they are marked unconfirmed until membership reports their node, or the grace period ends. Ledgers
 * belong to catalog/.
 */
import { parseAddress } from '../../base/address.ts';
import { NO_BYTES } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { CatalogOptions } from '../../catalog/options.ts';
import type { Member } from '../../swim/types.ts';
import { decodeCatalogSnapshot } from '../../wire/catalog.ts';
import type { PreviousNode } from '../contract/machine.ts';
import type { AgentOptions } from '../contract/options.ts';
import type { MemberView } from '../contract/view.ts';

type RestoredLedgers = NonNullable<CatalogOptions['snapshot']>;

/** A node that membership has not reported this long after the start is no member any more. */
export const GRACE_PERIOD: Millis = 60_000;
const NO_TAGS: ReadonlyMap<string, string> = new Map();
const UNKNOWN_VSN = new Uint8Array(6);

export class RestoredCatalog {
  /** Ledgers of the members that were up; `undefined` if there was nothing to restore. */
  readonly catalogSnapshot: RestoredLedgers | undefined;
  /** Why the saved catalog could not be read. */
  readonly loadError: string | undefined;
  /** Members of the last run that membership has not reported yet. */
  readonly #previousNodes = new Map<string, PreviousNode>();
  /** Those of them whose ledgers were restored. */
  readonly #unconfirmed = new Map<string, MemberView>();
  /** When the last run saved its state, on this agent's monotonic clock. */
  readonly savedAt: Millis;
  #until: Millis = NEVER;

  constructor({ name, snapshot, catalog, now, startedAt, retention }: AgentOptions) {
    // A time before 1970 is none: no date is as early as a poisoned one may be, and readers are told of it.
    this.savedAt = now - Math.max(0, startedAt - Math.max(0, snapshot?.at ?? startedAt));
    for (const peer of snapshot?.peers ?? [])
      if (peer.name !== name) this.#previousNodes.set(peer.name, peer);
    if (catalog === undefined) return;
    try {
      const restored = decodeCatalogSnapshot(catalog);
      // A member that had failed or left before the restart does not count as alive after it.
      const ledgers = restored.ledgers.filter(({ owner }) => this.#addUnconfirmed(owner, now));
      this.catalogSnapshot = { ...restored, ledgers };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.loadError = error.message;
    }
    if (this.#unconfirmed.size > 0) this.#until = now + (retention?.restoredNodes ?? GRACE_PERIOD);
  }

  get deadline(): Millis {
    return this.#until;
  }

  /** Names of the unconfirmed nodes, for which this agent answers. */
  unconfirmed(): Iterable<string> {
    return this.#unconfirmed.keys();
  }

  isUnconfirmed(name: string): boolean {
    return this.#unconfirmed.has(name);
  }

  /** An unconfirmed node as a member, made of what was saved. Names match without regard to case if none is exact. */
  unconfirmedMember(name: string): MemberView | undefined {
    if (this.#unconfirmed.size === 0) return undefined;
    const exact = this.#unconfirmed.get(name);
    if (exact !== undefined) return exact;
    const folded = name.toLowerCase();
    for (const view of this.#unconfirmed.values()) if (view.name.toLowerCase() === folded) return view;
    return undefined;
  }

  /** Membership has reported a node, and is right from now on. True if the node was unconfirmed. */
  confirm(name: string): boolean {
    this.#previousNodes.delete(name);
    const wasUnconfirmed = this.#unconfirmed.delete(name);
    if (this.#unconfirmed.size === 0) this.#until = NEVER;
    return wasUnconfirmed;
  }

  /** The nodes whose grace period has ended. */
  expire(now: Millis): readonly string[] {
    if (now < this.#until) return [];
    const names = [...this.#unconfirmed.keys()];
    this.#unconfirmed.clear();
    this.#until = NEVER;
    return names;
  }

  /**
   * Members of the last run to save again. `alone`: no other member is known, so even those whose grace period has
   * ended may be the only way back into the cluster.
   */
  previousNodes(alone: boolean): readonly PreviousNode[] {
    return [...this.#previousNodes.values()].filter(({ name }) => alone || this.#unconfirmed.has(name));
  }

  /** True if this agent answers for the owner until membership reports it. */
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
