/** What measured ways say: each fault in one agent's view, and in that of a survey; sound ways have no finding. */
import { expect, test } from 'vitest';
import { examine } from '../../../src/doctor/examine.ts';
import type { Facts, LinkFact, MemberFact, WarningFact } from '../../../src/doctor/finding.ts';

const NAMES = ['ann', 'bob', 'cat', 'dan'];
const FACTS: Facts = {
  self: 'ann',
  members: NAMES.map((name, i) => ({
    ...{ name, addr: `10.0.0.${i + 1}`, port: 7946, status: 'alive', ageMs: 60_000 },
  })),
  ...{ awareness: 0, degraded: [], partition: { kind: 'whole', sentence: '' }, warnings: [], links: [] },
  ...{ whys: new Map(), silent: [], keys: undefined, services: [], checks: [], dns: undefined },
};
const link = (from: string, to: string, over: Partial<LinkFact> = {}): LinkFact => ({
  ...{ from, to, sent: 16, answered: 16, heard: 16, heardBack: 20, longest: 1472, blocked: 0 },
  ...{ roundTripMs: 0.5, clockAheadMs: 0.3, seenFrom: '', tcp: 'acked', agoMs: 1000, ...over },
});
const dead: Partial<LinkFact> = {
  ...{ answered: 0, heard: 0, heardBack: 0, longest: 0, roundTripMs: null, clockAheadMs: null },
};
/** All ways between all, changed by `over`. */
const all = (over: (from: string, to: string) => Partial<LinkFact> = () => ({})): LinkFact[] =>
  NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => link(from, to, over(from, to))));
const found = (links: readonly LinkFact[], over: Partial<Facts> = {}) =>
  examine({ ...FACTS, ...over, links }).map(({ code, nodes }) => [code, nodes]);
const touches = (node: string, from: string, to: string): boolean => from === node || to === node;

test('sound ways have no finding: a datagram lost by chance, a long way, and frames above gossip neither', () => {
  expect(found(all())).toEqual([]);
  expect(found(all(() => ({ answered: 14, roundTripMs: 180, clockAheadMs: 900 })))).toEqual([]);
  expect(found(all(() => ({ blocked: 1472, longest: 1400 })))).toEqual([]);
  expect(found(all((_, to) => (to === 'bob' ? { ...dead, agoMs: 61_000 } : {})))).toEqual([]);
  expect(found([link('ann', 'bob', { ...dead, sent: 4 })])).toEqual([]);
});

test('UDP that is dropped while TCP passes: both ways, or the one that both ends tell', () => {
  expect(found([link('ann', 'bob', dead)])).toEqual([['udpBlocked', ['ann', 'bob']]]);
  const both = all((from, to) => (touches('bob', from, to) && touches('ann', from, to) ? dead : {}));
  expect(found(both)).toEqual([['udpBlocked', ['ann', 'bob']]]);
  const there = [link('ann', 'bob', { ...dead, heardBack: 20 }), link('bob', 'ann', dead)];
  expect(found(there)).toEqual([['oneWay', ['ann', 'bob']]]);
  const back = [link('ann', 'bob', dead), link('bob', 'ann', { ...dead, heardBack: 20 })];
  const [finding] = examine({ ...FACTS, links: back });
  expect(finding).toMatchObject({ code: 'oneWay', nodes: ['bob', 'ann'] });
  expect(finding?.fix).toContain('nft add rule inet filter input ip saddr 10.0.0.2 udp dport 7946 accept');
});

test('what answers some datagrams is not behind a firewall, whatever its probes met', () => {
  const saved = { kind: 'probeSavedByTcp', observer: 'ann', message: '', agoMs: 1000, count: 9 };
  const whys = new Map([['bob', { diagnosis: '', evidence: [saved] }]]);
  expect(found([link('ann', 'bob', { answered: 8, heard: 10 })], { whys })).toEqual([
    ['loss', ['ann', 'bob']],
  ]);
  expect(found([], { whys })).toEqual([['udpBlocked', ['ann', 'bob']]]);
  expect(found([link('ann', 'bob', dead)], { whys })).toEqual([['udpBlocked', ['ann', 'bob']]]);
});

test('a black hole for long datagrams, told once for the member behind it', () => {
  const [finding, ...more] = examine({
    ...FACTS,
    links: all((_, to) => (to === 'cat' ? { blocked: 1400, longest: 1024 } : {})),
  });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ code: 'largeDatagrams', nodes: ['ann', 'bob', 'dan', 'cat'] });
  expect(finding?.sentence).toContain('datagrams of 1400 bytes and more');
  expect(finding?.fix).toContain('ping -M do');
});

test('loss: of one way, or of the member that most bad ways touch', () => {
  expect(found(all((from, to) => (from === 'ann' && to === 'bob' ? { answered: 9 } : {})))).toEqual([
    ['loss', ['ann', 'bob']],
  ]);
  const [finding, ...more] = examine({
    ...FACTS,
    links: all((from, to) => (touches('cat', from, to) ? { answered: 8 } : {})),
  });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ code: 'loss', nodes: ['cat'] });
  expect(finding?.sentence).toContain('50 %');
});

test('a process that hangs, while its host accepts connections', () => {
  const hung = { ...dead, tcp: 'unanswered' };
  const [finding] = examine({ ...FACTS, links: all((_, to) => (to === 'dan' ? hung : {})) });
  expect(finding).toMatchObject({ code: 'hung', nodes: ['dan'] });
  expect(finding?.fix).toContain('kill -CONT');
});

test('a clock that is off: that of whom most contradict, and of two it is not known which', () => {
  const hour = 3_600_000;
  const off = (node: string) => (from: string, to: string) => ({
    clockAheadMs: to === node ? hour : from === node ? 0 - hour : 0,
  });
  const [finding, ...more] = examine({ ...FACTS, links: all(off('bob')) });
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ code: 'clock', nodes: ['bob'] });
  expect(finding?.sentence).toBe('the clock of bob is 60 min ahead');
  expect(finding?.fix).toContain('timedatectl');
  const own = all(off('ann')).filter(({ from }) => from === 'ann');
  expect(found(own)).toEqual([['clock', ['ann']]]);
  expect(found([link('ann', 'bob', { clockAheadMs: 0 - hour })])).toEqual([['clock', ['ann', 'bob']]]);
});

test('while links are measured, suspicions are no proof of loss', () => {
  const refuted = (by: string): WarningFact => ({
    ...{ kind: 'suspicionRefuted', message: '', fields: { by }, count: 1, lastAgoMs: 1000 },
  });
  const warnings = [refuted('bob'), refuted('cat')];
  expect(found([], { warnings })).toEqual([['loss', ['ann']]]);
  expect(found(all(), { warnings })).toEqual([]);
});

test('a member that lacks the primary key: it closes streams, and is silent over UDP', () => {
  const closed = all((_, to) => (to === 'cat' ? { ...dead, tcp: 'closed' } : {}));
  expect(found(closed, { encrypted: true })).toEqual([['missingKey', ['cat']]]);
  expect(found(closed)).toEqual([]);
  const members = FACTS.members.map((one) => (one.name === 'cat' ? { ...one, status: 'failed' } : one));
  const whys = new Map([['cat', { diagnosis: 'declared failed', cause: 'closed', evidence: [] }]]);
  expect(found([], { members, whys, encrypted: true })).toEqual([['missingKey', ['cat']]]);
  expect(found([], { members, whys })).toEqual([['failed', ['cat']]]);
});

test('where gossip is encrypted, who announces itself in vain may lack the primary key as well', () => {
  const fields = { node: 'eve', address: '10.0.0.9:7946' };
  const warnings = [{ kind: 'memberUnverified', message: '', fields, count: 1, lastAgoMs: 1000 }];
  const [finding] = examine({ ...FACTS, warnings, encrypted: true });
  expect(finding?.sentence).toContain('lacks the primary key');
  expect(finding?.fix).toContain('HEARSAY_GOSSIP_KEY');
  expect(examine({ ...FACTS, warnings })[0]?.sentence).not.toContain('key');
});

test('who announces itself, and closes the connection of a ping, lacks the primary key', () => {
  const fields = { node: 'eve', address: '10.0.0.9:7946', streamFailure: 'closed' };
  const warnings = [{ kind: 'memberUnverified', message: '', fields, count: 1, lastAgoMs: 1000 }];
  expect(found([], { warnings, encrypted: true })).toEqual([['missingKey', ['eve']]]);
  expect(found([], { warnings })).toEqual([['wrongAddress', ['eve']]]);
  const members = [...FACTS.members, { ...(FACTS.members[0] as MemberFact), name: 'dan', addr: '10.0.0.9' }];
  expect(found([], { warnings, members, encrypted: true })).toEqual([['wrongAddress', ['eve']]]);
});
