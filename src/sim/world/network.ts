/**
 * The simulated network: link quality that holds everywhere (latency, loss, duplication, reordering), and rules on top
 * of it (cuts, outages, lossy links), each for some links, one direction, one transport, or some kinds of message only.
 */
import type { Rng } from '../../base/rng.ts';
import type { Millis } from '../../base/time.ts';
import { type BurstShape, GilbertElliott } from './burst-loss.ts';

export type Transport = 'udp' | 'tcp';

/** The quality of all links. */
export interface LinkQuality {
  /** Fixed part of the one-way delay. */
  readonly latency: Millis;
  /** Random part of the one-way delay, uniform from 0. */
  readonly jitter: Millis;
  /** Chance that a datagram is lost. On a stream a loss costs a retransmission instead. */
  readonly loss: number;
  /** Chance that a datagram arrives twice. */
  readonly duplicate: number;
  /** Chance that a datagram is delayed by up to `reorderBy`. */
  readonly reorder: number;
  readonly reorderBy: Millis;
}

/** An idle local network. */
export const LAN_QUALITY: LinkQuality = {
  latency: 0.3,
  jitter: 0.4,
  loss: 0,
  duplicate: 0,
  reorder: 0,
  reorderBy: 50,
};

/** A rule for some links. A field that is absent does not restrict the rule. Hosts are given by label. */
export interface NetworkRule {
  readonly from?: readonly string[];
  readonly to?: readonly string[];
  /** Only these links, each in the direction from the first host to the second. */
  readonly links?: readonly (readonly [string, string])[];
  readonly transport?: Transport;
  /** Only the opening of streams, as behind a NAT or a firewall that allows outgoing connections only. */
  readonly connectOnly?: boolean;
  /** Only during bursts, which each direction of each link has at times of its own. */
  readonly bursts?: BurstShape;
  /** Only datagrams that carry a message of such a kind. */
  readonly kinds?: readonly string[];
  /** Only datagrams larger than this. */
  readonly overBytes?: number;
  /** Chance of loss. 1, the default, is a cut. A stream survives a cut: its bytes wait, as TCP's do. */
  readonly loss?: number;
  /** Streams are refused, or reset if they are open; datagrams are lost. As by a firewall's REJECT. */
  readonly reject?: boolean;
  /** Added to every delay. With it `loss` is 0 by default. */
  readonly delay?: Millis;
  /** Chance that a datagram is duplicated. With it `loss` is 0 by default. */
  readonly duplicate?: number;
  /** The most copies of a duplicated datagram, including itself; 2 by default. */
  readonly copies?: number;
  /** The most that a copy is delayed. */
  readonly maxCopyDelay?: Millis;
  /**
   * Every datagram is delayed by a random time up to this, so that datagrams overtake one another. With it `loss` is 0
   * by default.
   */
  readonly maxReorderDelay?: Millis;
}

interface ActiveRule {
  readonly from: ReadonlySet<string> | undefined;
  readonly to: ReadonlySet<string> | undefined;
  readonly links: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  readonly transport: Transport | undefined;
  readonly connectOnly: boolean;
  readonly bursts: GilbertElliott | undefined;
  readonly kinds: ReadonlySet<string> | undefined;
  readonly overBytes: number;
  readonly loss: number;
  readonly reject: boolean;
  readonly delay: Millis;
  readonly duplicate: number;
  readonly copies: number;
  readonly maxCopyDelay: Millis;
  readonly maxReorderDelay: Millis;
}

/** TCP's wait before the first retransmission; it doubles each time. */
const RETRANSMIT_AFTER: Millis = 200;
const MAX_RETRANSMITS = 8;

export class SimNetwork {
  linkQuality: LinkQuality;
  readonly #rng: Rng;
  readonly #rules = new Set<ActiveRule>();
  readonly #delays: Millis[] = [];
  readonly #clock: () => Millis;
  #lastCopyAt: Millis = Number.NEGATIVE_INFINITY;

  /** `clock` is needed for rules with bursts only. */
  constructor(rng: Rng, linkQuality: LinkQuality, clock: () => Millis = () => 0) {
    this.#rng = rng;
    this.linkQuality = linkQuality;
    this.#clock = clock;
  }

  /** Adds a rule. Returns a function that removes it. */
  addRule(rule: NetworkRule): () => void {
    const active: ActiveRule = {
      from: rule.from === undefined ? undefined : new Set(rule.from),
      to: rule.to === undefined ? undefined : new Set(rule.to),
      links: rule.links === undefined ? undefined : groupBySource(rule.links),
      transport: transportOf(rule),
      connectOnly: rule.connectOnly ?? false,
      bursts: rule.bursts === undefined ? undefined : new GilbertElliott(rule.bursts, this.#rng.fork()),
      kinds: rule.kinds === undefined ? undefined : new Set(rule.kinds),
      overBytes: rule.overBytes ?? -1,
      loss: rule.loss ?? (defaultsToNoLoss(rule) ? 0 : 1),
      reject: rule.reject ?? false,
      delay: rule.delay ?? 0,
      duplicate: rule.duplicate ?? 0,
      copies: rule.copies ?? 2,
      maxCopyDelay: rule.maxCopyDelay ?? 0,
      maxReorderDelay: rule.maxReorderDelay ?? 0,
    };
    this.#rules.add(active);
    return () => {
      this.#rules.delete(active);
    };
  }

  /** When the last delayed copy arrives. Removing the rule does not stop copies that are on their way. */
  get lastCopyAt(): Millis {
    return this.#lastCopyAt;
  }

  /** Nothing is lost, late or cut but by chance of the link quality, and that does not lose anything. */
  get isUndisturbed(): boolean {
    const { loss, reorder, duplicate } = this.linkQuality;
    return this.#rules.size === 0 && loss === 0 && reorder === 0 && duplicate === 0;
  }

  /** Removes all rules. The link quality stays. */
  heal(): void {
    this.#rules.clear();
  }

  /**
   * Delays of all copies of a datagram that will arrive; empty if it is lost. The list is valid until the next call.
   * `kindsOf` is called only if a rule by kind applies to this link.
   */
  datagramDelays(
    from: string,
    to: string,
    size: number,
    kindsOf: () => readonly string[],
  ): readonly Millis[] {
    const delays = this.#delays;
    delays.length = 0;
    const { loss, duplicate, reorder, reorderBy } = this.linkQuality;
    let delay = 0;
    let reorderDelay = 0;
    let copies = 1;
    let copyDelay = 0;
    for (const rule of this.#rules) {
      if (!this.#appliesTo(rule, from, to, 'udp') || size <= rule.overBytes) continue;
      if (rule.kinds !== undefined && !kindsOf().some((kind) => rule.kinds?.has(kind))) continue;
      if (this.#happens(rule.loss)) return delays;
      delay += rule.delay;
      reorderDelay += rule.maxReorderDelay;
      if (!this.#happens(rule.duplicate)) continue;
      copies = Math.max(copies, rule.copies > 2 ? 2 + this.#rng.int(rule.copies - 1) : 2);
      copyDelay = Math.max(copyDelay, rule.maxCopyDelay);
    }
    if (this.#happens(loss)) return delays;
    if (this.#happens(duplicate)) copies = Math.max(2, copies);
    for (let i = 0; i < copies; i++) {
      let extra = this.#happens(reorder) ? this.#rng.next() * reorderBy : 0;
      if (reorderDelay > 0) extra += this.#rng.next() * reorderDelay;
      // Most copies follow soon, a few very late.
      if (i > 0 && copyDelay > 0) extra += copyDelay * this.#rng.next() ** 4;
      delays.push(this.#delay() + delay + extra);
    }
    if (copies > 1 && copyDelay > 0)
      this.#lastCopyAt = Math.max(this.#lastCopyAt, this.#clock() + Math.max(...delays));
    return delays;
  }

  /** Whether a stream is cut now. `opening`: whether even its first segment is. */
  isBlocked(from: string, to: string, opening = false): boolean {
    for (const rule of this.#rules)
      if (rule.loss >= 1 && (opening || !rule.connectOnly) && this.#appliesTo(rule, from, to, 'tcp'))
        return true;
    return false;
  }

  /** Whether a segment of a stream is answered with a reset. */
  isRejected(from: string, to: string): boolean {
    for (const rule of this.#rules) if (rule.reject && this.#appliesTo(rule, from, to, 'tcp')) return true;
    return false;
  }

  /** Delay of one segment of a stream, including retransmissions. */
  segmentDelay(from: string, to: string): Millis {
    let delay = this.#delay();
    let arrives = 1 - this.linkQuality.loss;
    for (const rule of this.#rules) {
      if (rule.connectOnly || !this.#appliesTo(rule, from, to, 'tcp')) continue;
      delay += rule.delay;
      if (rule.loss < 1) arrives *= 1 - rule.loss;
    }
    let wait = RETRANSMIT_AFTER;
    for (let i = 0; i < MAX_RETRANSMITS && this.#happens(1 - arrives); i++) {
      delay += wait;
      wait *= 2;
    }
    return delay;
  }

  #appliesTo(rule: ActiveRule, from: string, to: string, transport: Transport): boolean {
    return (
      (rule.transport === undefined || rule.transport === transport) &&
      (rule.from === undefined || rule.from.has(from)) &&
      (rule.to === undefined || rule.to.has(to)) &&
      (rule.links === undefined || rule.links.get(from)?.has(to) === true) &&
      (rule.bursts === undefined || rule.bursts.isBad(from, to, this.#clock()))
    );
  }

  #delay(): Millis {
    return this.linkQuality.latency + this.linkQuality.jitter * this.#rng.next();
  }

  /** Draws a random number only if the outcome is open. */
  #happens(chance: number): boolean {
    return chance > 0 && (chance >= 1 || this.#rng.next() < chance);
  }
}

const defaultsToNoLoss = ({ delay, duplicate, maxReorderDelay }: NetworkRule): boolean =>
  delay !== undefined || duplicate !== undefined || maxReorderDelay !== undefined;

/** Rules by kind or size apply to datagrams only, and rules for openings to streams only. */
function transportOf(rule: NetworkRule): Transport | undefined {
  if (rule.kinds !== undefined || rule.overBytes !== undefined) return 'udp';
  return rule.connectOnly === true ? 'tcp' : rule.transport;
}

function groupBySource(links: readonly (readonly [string, string])[]): Map<string, Set<string>> {
  const map = new Map<string, Set<string>>();
  for (const [from, to] of links) {
    const ends = map.get(from);
    if (ends === undefined) map.set(from, new Set([to]));
    else ends.add(to);
  }
  return map;
}
