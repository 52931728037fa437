/** The arithmetic of the tables, the fault they are measured with, and the configurations. */
import { describe, expect, test } from 'vitest';
import { createAgent } from '../../src/agent/agent.ts';
import type { Fact } from '../../src/agent/contract/facts.ts';
import type { Agent, Effect, Input } from '../../src/agent/contract/machine.ts';
import type { View } from '../../src/agent/contract/view.ts';
import { toAddress } from '../../src/base/address.ts';
import { bootstrapByPushPull } from '../../src/sim/world/bootstrap.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { World } from '../../src/sim/world/world.ts';
import { decodeMessage, encodeMessage, Ping } from '../../src/wire/memberlist.ts';
import { openPacket, sealPacket } from '../../src/wire/packet.ts';
import { type AnomalyCounts, runAnomalies } from './anomaly.ts';
import { BlockedMember } from './blocked-member.ts';
import { CONFIG_NAMES, CONFIGS, type ConfigName, tuned } from './configs.ts';
import { formatBar, formatPercent, formatTimesFewer, markdownTable, percentiles } from './figures.ts';
import { renderPage } from './page.ts';
import { FULL_GRID, jobKey, planJobs, runJob, SHORT_GRID } from './plan.ts';
import { failureChance } from './swim.ts';

describe('figures', () => {
  test('percentiles are values of the list', () => {
    const thousand = Array.from({ length: 1000 }, (_, i) => 1000 - i);
    expect(percentiles(thousand)).toEqual([500, 990, 999]);
    expect(percentiles([7])).toEqual([7, 7, 7]);
    expect(percentiles([])).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  test('percentages of nothing are absent, and small ones are not rounded to zero', () => {
    expect([
      formatPercent(0, 0),
      formatPercent(0, 5),
      formatPercent(1, 64),
      formatPercent(1, 3),
      formatPercent(7, 5),
    ]).toEqual(['–', '0 %', '1.56 %', '33.3 %', '140 %']);
    expect([formatPercent(1, 100_000), formatPercent(Number.NaN, 5)]).toEqual(['< 0.01 %', '–']);
  });

  test('times fewer, and the text if there are none', () => {
    expect([
      formatTimesFewer(1000, 20),
      formatTimesFewer(30, 4),
      formatTimesFewer(1200, 0),
      formatTimesFewer(0, 0),
    ]).toEqual(['50 times fewer', '7.5 times fewer', 'none of 1,200', '–']);
  });

  test('bars are logarithmic, and one is visible', () => {
    expect([0, 1, 9, 99, 999].map((value) => formatBar(value, 999, 30).length)).toEqual([0, 3, 10, 20, 30]);
  });

  test('a table has a head, a rule and its rows', () => {
    expect(markdownTable(['a', 'b'], [['1', '2']])).toBe('| a | b |\n| --- | --- |\n| 1 | 2 |');
  });

  test('a probe fails by SWIM’s formula', () => {
    expect(failureChance(0, 3)).toBe(0);
    expect(failureChance(1, 3)).toBe(1);
    expect(failureChance(0.1, 0)).toBeCloseTo(0.19, 12);
    expect(failureChance(0.1, 1)).toBeCloseTo(0.19 * (1 - 0.9 ** 4), 12);
  });
});

describe('the fault', () => {
  const from = toAddress(Uint8Array.of(10, 0, 0, 1), 7946);
  const packet = (octet: number): Input => ({ kind: 'packet', from, bytes: Uint8Array.of(octet) });
  const EMPTY: Input = { kind: 'packet', from, bytes: new Uint8Array(0) };
  const ping = (): Effect => ({ kind: 'sendPacket', to: from, packet: sealed() });
  const sealed = (): Uint8Array => {
    const message = encodeMessage(Ping.create({ seqNo: 1, node: 'bob' }));
    return sealPacket([message], hostEnvelope({}), { crc: false, nonce: () => new Uint8Array(12) });
  };

  /** Records its inputs, and emits the given effects at the next tick. */
  class PuppetAgent implements Agent {
    readonly received: string[] = [];
    effects: Effect[] = [];
    deadline = 5;
    readonly view = undefined as unknown as View;
    handle(input: Input, now: number, out: Effect[]): void {
      this.received.push(`${now} ${input.kind}${input.kind === 'packet' ? input.bytes[0] : ''}`);
      if (input.kind === 'tick') out.push(...this.effects.splice(0));
    }
  }

  function anomalous() {
    const inner = new PuppetAgent();
    const settings = { gossipNodes: 3 };
    const member = new BlockedMember(inner, settings);
    const out: Effect[] = [];
    const at = (now: number, ...inputs: Input[]): void => {
      for (const input of inputs) member.handle(input, now, out);
    };
    return { inner, settings, member, out, at };
  }

  test('before and after an anomaly everything passes', () => {
    const { inner, at } = anomalous();
    at(1, packet(1), { kind: 'tick' });
    expect(inner.received).toEqual(['1 packet1', '1 tick']);
  });

  test('during an anomaly nothing is sent or received; timers run until a ping blocks, and facts are reported at once', () => {
    const { inner, settings, member, out, at } = anomalous();
    const fact: Effect = { kind: 'fact', fact: { kind: 'awarenessChanged', awareness: 1 } };
    member.startAnomaly();
    expect(settings.gossipNodes).toBe(1);
    inner.effects = [fact, { kind: 'openStream', stream: 2, to: from }];
    at(1, packet(1), { kind: 'tick' });
    expect([out, member.deadline]).toEqual([[fact], 5]);
    inner.effects = [ping()];
    at(2, { kind: 'tick' });
    expect(member.deadline).toBe(Number.POSITIVE_INFINITY);
    at(3, { kind: 'tick' }, packet(2));
    expect(inner.received).toEqual(['1 tick', '2 tick']);
    expect(out).toEqual([fact]);
  });

  test('after an anomaly what was blocked is sent first, then come one message, the timers, and ten messages in each millisecond', () => {
    const { inner, settings, member, out, at } = anomalous();
    member.startAnomaly();
    inner.effects = [ping()];
    at(1, { kind: 'tick' }, ...Array.from({ length: 15 }, (_, i) => packet(i)));
    member.endAnomaly();
    at(9, EMPTY);
    expect(settings.gossipNodes).toBe(3);
    expect(out).toEqual([ping()]);
    expect(inner.received).toEqual(['1 tick', '9 packet0', '9 tick']);
    inner.deadline = 50;
    at(9.5, packet(99));
    expect(inner.received).toHaveLength(3);
    at(member.deadline, { kind: 'tick' });
    expect(inner.received.slice(3)).toEqual(Array.from({ length: 10 }, (_, i) => `10 packet${i + 1}`));
    at(member.deadline, { kind: 'tick' });
    expect(inner.received.slice(13)).toEqual([
      '11 packet11',
      '11 packet12',
      '11 packet13',
      '11 packet14',
      '11 packet99',
    ]);
    at(12, packet(7));
    expect(inner.received.at(-1)).toBe('12 packet7');
  });

  test('the socket buffer is bounded', () => {
    const { inner, member, at } = anomalous();
    member.startAnomaly();
    at(1, ...Array.from({ length: 2000 }, () => packet(1)));
    member.endAnomaly();
    inner.deadline = 1e9;
    at(2, EMPTY);
    for (let now = 3; member.deadline < 1e9; now++) at(now, { kind: 'tick' });
    expect(inner.received.filter((line) => line.endsWith('packet1'))).toHaveLength(Math.floor(212_992 / 513));
  });
});

describe('the configurations', () => {
  /**
   * Twelve members, two of which have an anomaly of 6 s again and again, and the facts and pings of all of them. There
   * are no indirect probes, since relays forward pings unchanged.
   */
  function observe(name: ConfigName) {
    const members = new Map<string, BlockedMember>();
    const world = new World({
      seed: 5,
      makeAgent: (agentOptions, host) => {
        const member = new BlockedMember(createAgent(agentOptions), host.swim);
        members.set(host.label, member);
        return member;
      },
    });
    const labels = Array.from({ length: 12 }, (_, i) => `n${i}`);
    for (const label of labels)
      world.add(label, { disk: false, swim: { ...CONFIGS[name], indirectChecks: 0 } });
    bootstrapByPushPull(world, labels);
    const slow = ['n3', 'n7'];
    const facts: Fact[] = [];
    const lengths = new Set<number>();
    let announced = 0;
    let unannounced = 0;
    world.subscribe({
      onEffects: (_, observed) => {
        facts.push(...observed);
        for (const fact of observed)
          if (fact.kind === 'memberSuspected') lengths.add(Math.round(fact.deadline - world.now));
      },
      onDatagram: (host, to, bytes) => {
        // Blocked pings were meant for members that nobody suspected yet.
        if (to === undefined || slow.includes(host.label)) return;
        if (host.runningAgent.view.member(to.name)?.status !== 'suspect') return;
        const messages = openPacket(bytes, hostEnvelope({})).messages.map((message) =>
          decodeMessage(message),
        );
        if (messages[0]?.kind !== 'ping') return;
        if (messages.some((one) => one.kind === 'suspect' && one.node === to.name)) announced += 1;
        else unannounced += 1;
      },
    });
    for (let at = world.now; at < world.now + 40_000; at += 8000)
      for (const label of slow) {
        world.schedule(at, () => members.get(label)?.startAnomaly());
        world.schedule(at + 6000, () => {
          members.get(label)?.endAnomaly();
          world.injectDatagram(label, world.host(label).address, new Uint8Array(0));
        });
      }
    world.run(50_000);
    const has = (kind: Fact['kind']): boolean => facts.some((fact) => fact.kind === kind);
    return { has, lengths: [...lengths].sort((a, b) => a - b), announced, unannounced };
  }
  const observed = Object.fromEntries(CONFIG_NAMES.map((name) => [name, observe(name)])) as Record<
    ConfigName,
    ReturnType<typeof observe>
  >;
  const where = (holds: (one: ReturnType<typeof observe>) => boolean): string[] =>
    CONFIG_NAMES.filter((name) => holds(observed[name]));

  test('every configuration had suspicions and failed probes', () => {
    expect(where(({ has }) => has('memberSuspected') && has('probeFailed'))).toEqual([...CONFIG_NAMES]);
    expect(where(({ announced, unannounced }) => announced + unannounced > 5)).toEqual([...CONFIG_NAMES]);
  });

  test('local health changes where LHA-Probe is on', () => {
    expect(where(({ has }) => has('awarenessChanged'))).toEqual(['LHA-Probe', 'Lifeguard', 'hearsay']);
  });

  test('suspicions begin long, and are shortened, where LHA-Suspicion is on', () => {
    // 5 · log10(12) · 1 s, and six times that; the default settings have 4 in place of 5.
    expect(observed.SWIM.lengths).toEqual([5395]);
    expect(where(({ lengths }) => lengths.some((length) => length > 6 * 4000))).toEqual([
      'LHA-Suspicion',
      'Lifeguard',
      'hearsay',
    ]);
  });

  test('every ping to a suspect carries the suspicion where the buddy system is on', () => {
    expect(where(({ unannounced }) => unannounced === 0)).toEqual(['Buddy System', 'Lifeguard', 'hearsay']);
  });

  test('a stall of the member itself is noticed with the default settings only', () => {
    expect(where(({ has }) => has('stalled'))).toEqual(['hearsay']);
  });

  test('α and β are those of Lifeguard', () => {
    expect(tuned(2, 4)).toEqual({ ...CONFIGS.Lifeguard, suspicionMult: 2, suspicionMaxTimeoutMult: 4 });
  });
});

describe('the experiments', () => {
  const anomalies = (name: ConfigName): AnomalyCounts =>
    runAnomalies({
      seed: 1,
      members: 32,
      concurrent: 8,
      duration: 2048,
      interval: 1,
      span: 60_000,
      cooldown: 65_000,
      swim: CONFIGS[name],
    });

  test('the same seed: Lifeguard has far fewer false positives than SWIM, and the default settings fifty times fewer', () => {
    const [swim, lifeguard, ours] = [anomalies('SWIM'), anomalies('Lifeguard'), anomalies('hearsay')];
    expect(swim.fp).toBeGreaterThan(100);
    expect(lifeguard.fp * 3).toBeLessThan(swim.fp);
    expect(ours.fp * 50).toBeLessThanOrEqual(swim.fp);
  });

  test('a long anomaly is declared a failure by all, first by one; no other member is', () => {
    const job = { part: 'threshold', config: 'SWIM', cell: [4], seed: 3 } as const;
    const { fp, first, all, unnoticed } = runAnomalies({
      seed: 3,
      members: 24,
      concurrent: 4,
      duration: 20_000,
      span: 0,
      cooldown: 1000,
      swim: CONFIGS.SWIM,
    });
    expect([fp, first.length, unnoticed]).toEqual([0, 4, 0]);
    // A suspicion of 5 · log10(24) s, after a probe of a second.
    for (const millis of first) expect(millis).toBeGreaterThan(7900);
    all.forEach((millis, i) => {
      expect(millis).toBeGreaterThanOrEqual(first[i] as number);
      expect(millis).toBeLessThan(20_000);
    });
    expect(jobKey(job)).toBe('threshold | SWIM | 4 | 3');
  });

  test('the plan: no world twice, the short grid is part of the full one, and small jobs give what the page reads', () => {
    const keys = planJobs(SHORT_GRID, 1).map(jobKey);
    expect(new Set(keys).size).toBe(keys.length);
    const whole = new Set(planJobs(FULL_GRID, 1).map(jobKey));
    expect(keys.filter((key) => !whole.has(key))).toEqual([]);

    const jobs = planJobs(SHORT_GRID, 1).filter(
      ({ part, cell }) => ['notices', 'spreads', 'load'].includes(part) && cell[0] === 16,
    );
    const done = jobs.map((job) => ({ job, result: runJob(job), seconds: 1, commit: 'abc1234' }));
    const page = renderPage({ done, reps: 1, missing: 3 });
    expect(page).toContain('abc1234');
    expect(page).toMatch(/^\| 16 \| 64 \| \d\.\d\d \| 1\.00 \|/m);
    expect(page).toMatch(/^\| 16 \| 12 \|/m);
  });
});
