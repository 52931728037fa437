/** Link tests: what each fault of the network looks like to who measures, and that nothing is sent unasked. */
import { expect, test } from 'vitest';
import type { LinkReport, LinkSurvey } from '../../src/agent/contract/links.ts';
import { createStory, type Story } from '../../src/sim/scenarios/story.ts';
import { encodeLinkPing } from '../../src/wire/links.ts';
import { MESSAGE_TYPE } from '../../src/wire/memberlist.ts';

const viewOf = (tale: Story, name: string) => tale.world.host(name).runningAgent.view;

/** What `ann` measures of the way to `bob`. */
function measure(tale: Story): LinkReport | undefined {
  const before = viewOf(tale, 'ann').links()[0]?.at ?? -1;
  tale.runCommand('ann', { kind: 'testLinks', nodes: ['bob'] });
  tale.runUntil(() => (viewOf(tale, 'ann').links()[0]?.at ?? -1) > before, '3s');
  return viewOf(tale, 'ann').links()[0];
}

/** What all agents report, if each tests `count` others. */
function survey(tale: Story, count: number): LinkSurvey {
  tale.runCommand('ann', { kind: 'surveyLinks', count });
  tale.run('2s');
  const result = tale.runCommand('ann', { kind: 'surveyLinks', count: 0 });
  if (!result.ok || result.value === undefined || !('id' in result.value)) throw new Error('refused');
  const { id } = result.value;
  const read = () => viewOf(tale, 'ann').linkSurvey(id);
  expect(tale.runUntil(() => read()?.finished === true, '2s')).toBe(true);
  return read() as LinkSurvey;
}

test('a sound link: all is answered, whatever its length, and TCP as well', () => {
  const tale = createStory('ann bob cat', { seed: 1 });
  tale.world.setWallClock('bob', 0);
  const { key } = tale.world.host('ann').address;
  expect(measure(tale)).toMatchObject({
    ...{ from: 'ann', to: 'bob', sent: 16, answered: 16, heard: 16, longest: 1472, blocked: 0 },
    ...{ seenFrom: key, tcp: 'acked' },
  });
  expect(measure(tale)?.roundTrip).toBeLessThan(5);
});

test.each([
  ['without a key', {}],
  ['with a key and a label', { keys: [new Uint8Array(32).fill(7)], label: 'prod' }],
])('a black hole for long datagrams is found to the size, %s', (_, all) => {
  const tale = createStory('ann bob cat', { seed: 2, all });
  const lift = tale.world.network.addRule({ to: ['bob'], overBytes: 1300 });
  expect(measure(tale)).toMatchObject({ answered: 16, longest: 1024, blocked: 1400 });
  lift();
  tale.world.network.addRule({ to: ['bob'], overBytes: 1400 });
  tale.run('1s');
  expect(measure(tale)).toMatchObject({ answered: 16, longest: 1400, blocked: 1472 });
});

test('a way that passes one way only: what was heard at the other end tells which', () => {
  const tale = createStory('ann bob cat', { seed: 3 });
  tale.cut('ann', 'bob', { oneWay: true, transport: 'udp' });
  const { links } = survey(tale, 2);
  const way = (from: string, to: string) => links.find((one) => one.from === from && one.to === to);
  expect(way('ann', 'bob')).toMatchObject({ answered: 0, heard: 0, tcp: 'acked' });
  expect(way('ann', 'bob')?.heardBack).toBeGreaterThan(0);
  expect(way('bob', 'ann')).toMatchObject({ answered: 0, heardBack: 0 });
  expect(way('ann', 'cat')).toMatchObject({ answered: 16 });
});

test('loss is counted, and is taken for no black hole', () => {
  for (let seed = 10; seed < 18; seed++) {
    const tale = createStory('ann bob cat', { seed });
    tale.cut('ann', 'bob', { loss: 0.3, transport: 'udp' });
    const report = measure(tale);
    expect(report).toMatchObject({ sent: 16, blocked: 0 });
    expect(report?.answered).toBeLessThan(16);
    expect(report?.heard).toBeGreaterThanOrEqual(report?.answered ?? 99);
  }
});

test('a process that is stopped: its host accepts connections, and nobody answers', () => {
  const tale = createStory('ann bob cat', { seed: 4 });
  tale.pause('bob', '10s');
  expect(measure(tale)).toMatchObject({ answered: 0, tcp: 'unanswered' });
});

test('a clock that is an hour off, from the start or set while the agent runs', () => {
  const tale = createStory('ann bob cat', { seed: 5, bootstrapped: true });
  tale.stop('bob');
  tale.run('30s');
  tale.restart('bob', { wallClockOffset: 3_600_000 });
  tale.run('5s');
  const ahead = measure(tale)?.clockAhead ?? 0;
  expect(Math.abs(ahead - 3_600_000)).toBeLessThan(1000);
});

test('a survey: each agent tests its neighbors on the ring, both ends of a way do, and all report in time', () => {
  const names = Array.from({ length: 7 }, (_, i) => `n${i + 10}`);
  const tale = createStory(['ann', ...names].join(' '), { seed: 6 });
  const found = survey(tale, 4);
  expect(found.answered).toEqual(['ann', ...names]);
  expect(found.expected).toEqual(found.answered);
  expect(found.links).toHaveLength(8 * 4);
  for (const { from, to } of found.links)
    expect(found.links.some((one) => one.from === to && one.to === from)).toBe(true);
  expect(found.links.every(({ answered, blocked }) => answered === 16 && blocked === 0)).toBe(true);
});

test('agents of Serf take no part, and are sent none of it', () => {
  const tale = createStory('ann bob pete', { seed: 7, hosts: { pete: { serfPeer: true } } });
  const found = survey(tale, 4);
  expect(found.answered).toEqual(['ann', 'bob']);
  expect(found.links.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(['ann bob', 'bob ann']);
});

test('nothing is sent unasked, and no member is tested twice at a time', () => {
  const tale = createStory('ann bob cat', { seed: 8 });
  tale.run('20s');
  for (const name of ['ann', 'bob', 'cat']) expect(viewOf(tale, name).links()).toEqual([]);
  for (let i = 0; i < 5; i++) tale.runCommand('ann', { kind: 'testLinks', nodes: ['bob', 'nobody', 'ann'] });
  tale.run('2s');
  expect(viewOf(tale, 'ann').links()).toMatchObject([{ to: 'bob', sent: 16 }]);
});

test('a test in the name of no member is dropped, and counted', () => {
  const tale = createStory('ann bob', { seed: 9 });
  const { address } = tale.world.host('bob');
  const body = encodeLinkPing({ test: 1, seq: 0, from: 'mallory', filler: new Uint8Array(90) });
  const bytes = Uint8Array.of(MESSAGE_TYPE.user, ...body);
  tale.world.injectDatagram('ann', address, bytes);
  tale.run('100ms');
  expect(tale.facts('packetRejected', 'ann')).toMatchObject([{ code: 'badValue' }]);
});
