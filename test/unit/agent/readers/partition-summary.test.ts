/** Missing members: deaths or a partition, and on which side of it this agent is. */
import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../../src/agent/contract/machine.ts';
import type { PartitionSummary } from '../../../../src/agent/contract/view.ts';
import { PartitionMonitor } from '../../../../src/agent/readers/partition-summary.ts';
import { type Address, parseAddress } from '../../../../src/base/address.ts';
import { NEVER } from '../../../../src/base/time.ts';
import type { SerfEvent, SerfMember, SerfStatus } from '../../../../src/serf/types.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A cluster as one agent, `ann`, sees it; instants are seconds since its start. */
class Seen {
  readonly rows = new Map<string, SerfMember>();
  readonly facts: unknown[] = [];
  readonly monitor = new PartitionMonitor(
    { name: 'ann', now: 0 },
    {
      get: (name) => this.rows.get(name),
      all: () => this.rows.values(),
      size: 0,
    },
  );

  constructor() {
    this.#put('ann', '10.0.1.1', 'alive', undefined);
  }

  joined(seconds: number, name: string, ip: string): this {
    this.#tick(seconds * 1000);
    return this.#heard(seconds, 'joined', this.#put(name, ip, 'alive', undefined));
  }

  failed(seconds: number, ...names: string[]): this {
    this.#tick(seconds * 1000);
    for (const name of names)
      this.#heard(seconds, 'failed', this.#put(name, undefined, 'failed', seconds * 1000));
    return this;
  }

  back(seconds: number, ...names: string[]): this {
    this.#tick(seconds * 1000);
    for (const name of names) this.#heard(seconds, 'joined', this.#put(name, undefined, 'alive', undefined));
    return this;
  }

  left(seconds: number, name: string): this {
    this.#tick(seconds * 1000);
    return this.#heard(seconds, 'left', this.#put(name, undefined, 'left', seconds * 1000));
  }

  reaped(seconds: number, name: string): this {
    this.#tick(seconds * 1000);
    const row = this.rows.get(name) as SerfMember;
    this.rows.delete(name);
    return this.#heard(seconds, 'reaped', row);
  }

  at(seconds: number): PartitionSummary {
    this.#tick(seconds * 1000);
    return this.monitor.summarize(seconds * 1000);
  }

  #put(name: string, ip: string | undefined, status: SerfStatus, downAt: number | undefined): SerfMember {
    const held = this.rows.get(name)?.member.identity.address;
    const address = held ?? (parseAddress(ip?.includes(':') ? `[${ip}]:1` : `${ip}:1`) as Address);
    const member = { identity: { name, address } };
    const row = { name, status, statusLTime: 0, downAt, member, tags: new Map() } as unknown as SerfMember;
    this.rows.set(name, row);
    return row;
  }

  #heard(seconds: number, kind: SerfEvent['kind'], member: SerfMember): this {
    this.monitor.onMemberEvent({ kind, member }, seconds * 1000);
    return this;
  }

  /** Ticks at each deadline, as the agent does. */
  #tick(now: number): void {
    while (this.monitor.deadline <= now) {
      const out: Effect[] = [];
      this.monitor.tick(this.monitor.deadline, out);
      for (const effect of out) if (effect.kind === 'fact') this.facts.push(effect.fact);
    }
  }
}

/** ann and seven other members in two networks of four, from the start. */
function eight(): Seen {
  const seen = new Seen();
  for (const [i, name] of ['bob', 'cat', 'dan'].entries()) seen.joined(1, name, `10.0.1.${i + 2}`);
  for (const [i, name] of ['eve', 'fay', 'gus', 'hal'].entries()) seen.joined(1, name, `10.0.2.${i + 1}`);
  return seen;
}

describe('how many were known an instant ago', () => {
  test.each(['left', 'reaped'] as const)('a member that has %s and came again counts from then on', (how) => {
    const seen = new Seen().joined(1, 'bob', '10.0.1.2').joined(1, 'cat', '10.0.1.3');
    seen.left(60, 'bob');
    if (how === 'reaped') seen.reaped(100, 'bob');
    seen.joined(7200, 'bob', '10.0.1.2');
    expect(seen.at(7230)).toMatchObject({
      known: 3,
      minuteAgo: { known: 2, visible: 2 },
      hourAgo: { known: 2, visible: 2 },
    });
    expect(seen.at(7200 + 61).minuteAgo).toEqual({ known: 3, visible: 3 });
  });

  test('a member that failed and is back was known all the time', () => {
    const seen = new Seen().joined(1, 'bob', '10.0.1.2').failed(7000, 'bob').back(7200, 'bob');
    expect(seen.at(7230).minuteAgo?.known).toBe(2);
  });
});

describe('the summary', () => {
  test('of a cluster without missing members', () => {
    expect(eight().at(7200)).toMatchObject({
      ...{ kind: 'whole', known: 8, visible: 8, missing: [], side: undefined },
      ...{ minuteAgo: { known: 8, visible: 8 }, hourAgo: { known: 8, visible: 8 } },
      sentence: 'all 8 members are visible',
    });
    expect(new Seen().at(10)).toMatchObject({
      kind: 'whole',
      known: 1,
      sentence: 'no other member is known',
    });
  });

  test('single deaths, spread over time', () => {
    const seen = eight().failed(4000, 'bob').failed(4100, 'eve');
    expect(seen.at(4130)).toMatchObject({
      ...{ kind: 'deaths', known: 8, visible: 6, lostTogether: 1, network: undefined, side: undefined },
      ...{ minuteAgo: { known: 7, visible: 6 }, hourAgo: { known: 8, visible: 6 } },
      sentence: '2 of 8 members are missing: they seem to have died one by one',
    });
    expect(seen.at(4130).missing.map(({ name, downAt }) => [name, downAt])).toEqual([
      ['eve', 4_100_000],
      ['bob', 4_000_000],
    ]);
  });

  test('two deaths at once in different networks stay deaths', () => {
    expect(eight().failed(100, 'bob').failed(103, 'eve').at(130)).toMatchObject({
      ...{ kind: 'deaths', lostTogether: 2, network: undefined },
      sentence: '2 of 8 members are missing, 2 of them at once: they seem to have died',
    });
  });

  test('a network that vanishes is a partition, however small it is', () => {
    const seen = eight().joined(2, 'ivy', '10.9.9.1').joined(2, 'jon', '10.9.9.2').failed(100, 'ivy', 'jon');
    expect(seen.at(130)).toMatchObject({
      ...{
        kind: 'partition',
        lostTogether: 2,
        network: '10.9.9.0/24',
        side: 'majority',
        known: 10,
        visible: 8,
      },
      sentence:
        '2 of 10 members vanished together, all of 10.9.9.0/24: a partition, or their network is down; this is the larger side (8 of 10)',
    });
  });

  test('a cut by halves: found one by one, some seconds apart', () => {
    const seen = eight().failed(100, 'eve').failed(104, 'fay', 'gus').failed(112, 'hal');
    expect(seen.at(120)).toMatchObject({
      ...{ kind: 'partition', lostTogether: 4, network: '10.0.2.0/24', side: 'half' },
      sentence: expect.stringContaining('this is one of two halves (4 of 8)'),
    });
  });

  test('the smaller side', () => {
    const seen = eight().failed(100, 'bob', 'eve', 'fay', 'gus', 'hal');
    expect(seen.at(120)).toMatchObject({
      ...{ kind: 'partition', lostTogether: 5, network: undefined, side: 'minority' },
      sentence:
        '5 of 8 members vanished together: it seems to be a partition; this is the smaller side (3 of 8)',
    });
  });

  test('no other member is visible: this agent is cut off, however slowly it detected that', () => {
    const seen = eight();
    for (const [i, name] of ['bob', 'cat', 'dan', 'eve', 'fay', 'gus', 'hal'].entries())
      seen.failed(100 + 20 * i, name);
    expect(seen.at(300)).toMatchObject({
      ...{ kind: 'partition', visible: 1, side: 'minority' },
      sentence: 'all 7 other members are missing: this agent seems to be cut off',
    });
    const two = new Seen().joined(1, 'bob', '10.0.1.2').failed(50, 'bob');
    expect(two.at(60)).toMatchObject({
      ...{ kind: 'partition', side: 'half' },
      sentence: 'the only other member is missing: it died, or this agent is cut off',
    });
  });

  test('members that left in order, or were forgotten, are not missing', () => {
    const seen = eight().left(100, 'bob').failed(100, 'eve').failed(101, 'fay');
    expect(seen.at(130)).toMatchObject({ known: 7, visible: 5, minuteAgo: { known: 7, visible: 5 } });
    expect(seen.left(140, 'eve').reaped(150, 'fay').at(200)).toMatchObject({ kind: 'whole', known: 5 });
  });

  test('a partition is one long after; the counts of an hour ago no longer contain it', () => {
    const seen = eight().failed(100, 'eve', 'fay', 'gus', 'hal');
    expect(seen.at(100 + 2 * 3600)).toMatchObject({
      ...{ kind: 'partition', known: 8, visible: 4 },
      ...{ minuteAgo: { known: 4, visible: 4 }, hourAgo: { known: 4, visible: 4 } },
    });
    expect(seen.at(100 + 3000).hourAgo).toBeUndefined(); // not born yet
    expect(seen.at(100 + 3550).hourAgo).toEqual({ known: 8, visible: 4 });
  });

  test('an IPv6 network is a /64, an IPv4 network a /24 or a /16', () => {
    const seen = eight().joined(2, 'ivy', 'fd00:1:2:3::1').joined(2, 'jon', 'fd00:1:2:3:4::2');
    expect(seen.failed(100, 'ivy', 'jon').at(120).network).toBe('fd00:1:2:3::/64');
    const wide = eight().joined(2, 'ivy', '10.7.1.1').joined(2, 'jon', '10.7.2.1');
    expect(wide.failed(100, 'ivy', 'jon').at(120).network).toBe('10.7.0.0/16');
  });

  test('an agent that runs for less than an hour has no counts of an hour ago', () => {
    expect(eight().at(30)).toMatchObject({ minuteAgo: undefined, hourAgo: undefined });
    expect(eight().at(61)).toMatchObject({ minuteAgo: { known: 8, visible: 8 }, hourAgo: undefined });
    expect(eight().at(HOUR / 1000).hourAgo).toEqual({ known: 1, visible: 1 }); // they came a second later
  });
});

describe('the reports', () => {
  test('once for each change of kind, when nothing changes any more', () => {
    const seen = eight().failed(100, 'eve').failed(104, 'fay', 'gus').failed(112, 'hal');
    expect(seen.facts).toEqual([]);
    seen.at(126);
    expect(seen.facts).toEqual([]);
    seen.at(127);
    expect(seen.facts).toEqual([
      {
        ...{ kind: 'membersMissing', cause: 'partition', known: 8, visible: 4, side: 'half' },
        ...{ network: '10.0.2.0/24', summary: expect.stringContaining('vanished together') },
      },
    ]);
    seen.at(5000);
    seen.back(5000, 'eve', 'fay').back(5004, 'gus', 'hal').at(5100);
    expect(seen.facts.slice(1)).toEqual([{ kind: 'allMembersVisible', known: 8 }]);
    expect(seen.monitor.deadline).toBe(NEVER);
  });

  test('within a minute, however much changes', () => {
    const seen = eight().failed(100, 'eve');
    for (let at = 105; at <= 155; at += 10) seen.back(at, 'fay').failed(at + 5, 'fay');
    seen.at(160);
    expect(seen.facts).toMatchObject([{ kind: 'membersMissing' }]);
  });

  test('none if a member is away for a moment, joins or leaves', () => {
    const seen = eight().failed(100, 'eve').back(105, 'eve').left(200, 'bob').joined(300, 'ivy', '10.0.1.9');
    seen.at(1000);
    expect(seen.facts).toEqual([]);
  });
});
