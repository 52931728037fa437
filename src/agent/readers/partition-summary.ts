/**
 * The partition summary: whether the missing members died or a partition has cut them off, and on which side of it this
 * agent seems to be. A statement for people: no protocol decides by it. Documents for proxies keep a list by it that
 * would be empty.
 */
import type { Address } from '../../base/address.ts';
import { type Millis, NEVER } from '../../base/time.ts';
import type { SerfEvent, SerfMember, SerfView } from '../../serf/types.ts';
import type { Effect } from '../contract/machine.ts';
import type { MemberCount, MissingMember, PartitionSummary } from '../contract/view.ts';

const MINUTE: Millis = 60_000;
const HOUR: Millis = 3_600_000;
/**
 * Failures no further apart than this belong together. Members that vanish at one instant are detected one by one, each
 * by its own probe: a second or so apart, or several if this agent is cut off itself and probes more slowly.
 */
const TOGETHER: Millis = 10_000;
/** The summary is reported this long after the last change: a partition begins, and ends, with many of them … */
const QUIET_TIME: Millis = 15_000;
/** … but at the latest this long after the first. */
const MAX_DELAY: Millis = 60_000;

/** Remembers when each member joined, and reports when the kind of the summary has changed. */
export class PartitionMonitor {
  readonly #self: string;
  readonly #startedAt: Millis;
  readonly #serf: SerfView;
  readonly #joinedAt = new Map<string, Millis>();
  #reportedKind: PartitionSummary['kind'] = 'whole';
  #reportAt: Millis = NEVER;
  #reportBy: Millis = NEVER;

  constructor({ name, now }: { readonly name: string; readonly now: Millis }, serf: SerfView) {
    this.#self = name;
    this.#startedAt = now;
    this.#serf = serf;
  }

  get deadline(): Millis {
    return this.#reportAt;
  }

  onMemberEvent({ kind, member: { name } }: SerfEvent, now: Millis): void {
    if (kind === 'updated' || kind === 'leaving') return;
    if (kind === 'joined' && !this.#joinedAt.has(name)) this.#joinedAt.set(name, now);
    if (kind === 'left' || kind === 'reaped') this.#joinedAt.delete(name);
    if (this.#reportAt === NEVER) this.#reportBy = now + MAX_DELAY;
    this.#reportAt = Math.min(now + QUIET_TIME, this.#reportBy);
  }

  /** Reports the summary if it is due, and of another kind than the last one. */
  tick(now: Millis, out: Effect[]): void {
    if (now < this.#reportAt) return;
    this.#reportAt = NEVER;
    const { kind, known, visible, side, network, sentence } = this.summarize(now);
    if (kind === this.#reportedKind) return;
    this.#reportedKind = kind;
    if (kind === 'whole') out.push({ kind: 'fact', fact: { kind: 'allMembersVisible', known } });
    else {
      const details = { known, visible, side: side ?? '', network: network ?? '' };
      out.push({
        kind: 'fact',
        fact: { kind: 'membersMissing', cause: kind, ...details, summary: sentence },
      });
    }
  }

  summarize(now: Millis): PartitionSummary {
    const visible: Address[] = [];
    const missing: MissingMember[] = [];
    const [minute, hour] = [new CountAtInstant(now - MINUTE), new CountAtInstant(now - HOUR)];
    for (const member of this.#serf.all()) {
      const up = member.status !== 'failed';
      if (member.status === 'left' || (!up && member.downAt === undefined)) continue;
      const joinedAt =
        member.name === this.#self ? this.#startedAt : (this.#joinedAt.get(member.name) ?? now);
      for (const count of [minute, hour]) count.add(joinedAt, member);
      const { address } = member.member.identity;
      if (up) visible.push(address);
      else missing.push({ name: member.name, address, downAt: member.downAt as Millis });
    }
    missing.sort((a, b) => b.downAt - a.downAt || (a.name < b.name ? -1 : 1));
    return {
      ...classifyMissing(visible, missing),
      minuteAgo: this.#startedAt <= minute.at ? minute.count : undefined,
      hourAgo: this.#startedAt <= hour.at ? hour.count : undefined,
      missing,
    };
  }
}

/** Counts the members that were known at an instant. */
class CountAtInstant {
  readonly at: Millis;
  #known = 0;
  #visible = 0;

  constructor(at: Millis) {
    this.at = at;
  }

  get count(): MemberCount {
    return { known: this.#known, visible: this.#visible };
  }

  add(joinedAt: Millis, { status, downAt }: SerfMember): void {
    const up = status !== 'failed';
    if (joinedAt > this.at || (!up && (downAt ?? 0) <= this.at)) return;
    this.#known += 1;
    if (up) this.#visible += 1;
  }
}

type Classification = Pick<
  PartitionSummary,
  'kind' | 'known' | 'visible' | 'lostTogether' | 'network' | 'side' | 'sentence'
>;

/**
 * It is a partition if a third of all vanished at once, or at least two that were a whole network, or if no other
 * member is left. `missing` begins with the latest.
 */
function classifyMissing(visible: readonly Address[], missing: readonly MissingMember[]): Classification {
  const known = visible.length + missing.length;
  const counts = { known, visible: visible.length };
  if (missing.length === 0) {
    const sentence = known <= 1 ? 'no other member is known' : `all ${known} members are visible`;
    return { ...counts, kind: 'whole', lostTogether: 0, network: undefined, side: undefined, sentence };
  }
  const group = largestGroup(missing);
  const network = group.length < 2 ? undefined : commonNetwork(group, visible);
  const many = group.length >= 2 && (3 * group.length >= known || network !== undefined);
  const kind = many || visible.length <= 1 ? 'partition' : 'deaths';
  const side = kind === 'deaths' ? undefined : partitionSide(counts);
  const found = { ...counts, kind, lostTogether: group.length, network, side } as const;
  return { ...found, sentence: formatSummary(found, missing.length) };
}

/** The largest group that failed in a row, each soon after the one before. */
function largestGroup(missing: readonly MissingMember[]): readonly MissingMember[] {
  let best: readonly MissingMember[] = [];
  for (let from = 0; from < missing.length; ) {
    let to = from + 1;
    while (to < missing.length && gap(missing, to) <= TOGETHER) to += 1;
    if (to - from > best.length) best = missing.slice(from, to);
    from = to;
  }
  return best;
}

const gap = (missing: readonly MissingMember[], i: number): Millis =>
  (missing[i - 1] as MissingMember).downAt - (missing[i] as MissingMember).downAt;

/** The smallest network that the whole group shares, unless a visible member is in it too. */
function commonNetwork(group: readonly MissingMember[], visible: readonly Address[]): string | undefined {
  for (const wide of [false, true]) {
    const networks = new Set(group.map(({ address }) => networkOf(address, wide)));
    const [network] = networks;
    if (networks.size !== 1 || network === undefined) continue;
    return visible.some((address) => networkOf(address, wide) === network) ? undefined : network;
  }
  return undefined;
}

/** The /24, or if `wide` the /16, of an IPv4 address; the /64 of an IPv6 one. */
function networkOf({ ip, host }: Address, wide: boolean): string {
  if (!host.includes(':')) {
    const [a, b, c] = host.split('.');
    return wide ? `${a}.${b}.0.0/16` : `${a}.${b}.${c}.0/24`;
  }
  const groups = [0, 2, 4, 6].map((i) => (((ip[i] as number) << 8) | (ip[i + 1] as number)).toString(16));
  return `${groups.join(':')}::/64`;
}

const partitionSide = ({ known, visible }: MemberCount): NonNullable<PartitionSummary['side']> =>
  2 * visible > known ? 'majority' : 2 * visible === known ? 'half' : 'minority';

function formatSummary(found: Omit<Classification, 'sentence'>, missing: number): string {
  const { kind, known, visible, lostTogether, network, side } = found;
  if (kind === 'deaths') {
    if (missing === 1) return `1 of ${known} members is missing: it seems to have died`;
    const [apart, at] = lostTogether > 1 ? ['', `, ${lostTogether} of them at once`] : [' one by one', ''];
    return `${missing} of ${known} members are missing${at}: they seem to have died${apart}`;
  }
  const where = network === undefined ? '' : `, all of ${network}`;
  if (visible <= 1)
    return known === 2
      ? 'the only other member is missing: it died, or this agent is cut off'
      : `all ${missing} other members are missing${where}: this agent seems to be cut off`;
  const cause =
    network === undefined ? 'it seems to be a partition' : 'a partition, or their network is down';
  const ours =
    side === 'majority' ? 'the larger side' : side === 'half' ? 'one of two halves' : 'the smaller side';
  return `${lostTogether} of ${known} members vanished together${where}: ${cause}; this is ${ours} (${visible} of ${known})`;
}
