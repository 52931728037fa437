/** P86: where long datagrams get lost, agents send shorter ones, and what does not fit by streams. */
import { expect, test } from 'vitest';
import { injectFault } from '../../src/sim/faults/index.ts';
import type { Story } from '../../src/sim/scenarios/story.ts';
import { makeService } from '../../src/sim/workload/definitions.ts';
import { startStory } from './start-story.ts';

/** Between two changes. */
const STEP = 330;
/** A change that a datagram of 512 bytes does not take. */
const meta = new Map([
  ['a', 'x'.repeat(400)],
  ['b', 'y'.repeat(380)],
]);

/** Registers a service each `STEP`. Returns for each when it was registered, and how long until all agents knew it. */
function changeOften({ world, register, everywhere, known, run }: Story, span: number) {
  const from = world.now;
  const spans = new Map<number, number>();
  for (let nextAt = from; world.now < from + span || spans.size < Math.ceil(span / STEP); ) {
    if (world.now >= nextAt && nextAt < from + span) {
      register('ann', makeService(`s-${nextAt}`, { name: `s-${nextAt}`, meta }), []);
      nextAt += STEP;
    }
    run('100ms');
    for (let at = from; at < nextAt; at += STEP)
      if (!spans.has(at - from) && everywhere((label) => known(label, `s-${at}`).length === 1))
        spans.set(at - from, world.now - at);
    if (world.now > from + span + 60_000) throw new Error('a change is not known everywhere');
  }
  return spans;
}

test.each([
  ['from and to all', [{}], ['bob', 'cat']],
  ['to one', ['ann', 'cat'].map((name) => ({ link: [name, 'bob'] as const })), ['bob']],
])(
  'three agents: changes spread in a moment once long datagrams were seen to get lost, %s',
  (_, places, reached) => {
    const story = startStory('ann bob cat', { seed: 8, detail: 'facts' });
    const { world, facts } = story;
    for (const place of places)
      injectFault(world, { kind: 'blackHole', at: 0, span: 600_000, overBytes: 512, ...place });

    const spans = changeOften(story, 8000);

    const later = [...spans].filter(([at]) => at >= 5500).map(([, span]) => span);
    expect(Math.max(...spans.values())).toBeLessThan(4000);
    expect(Math.max(...later)).toBeLessThan(600);
    const lost = facts('longDatagramsLost', 'ann');
    expect([...new Set(lost.map(({ node }) => node))].sort()).toEqual(reached);
    expect(lost.every(({ bytes, limit }) => bytes === 1024 && limit === 512)).toBe(true);
    const says = (): string | undefined =>
      world.host('ann').runningAgent.view.diagnose('bob', (at) => `${at}`, undefined)?.sentence;
    expect(says()).toMatch(/^datagrams of 1024 bytes and more do not pass from this agent since \d+/);
  },
);

test('once long datagrams pass again why says so, though nothing long is said', () => {
  const story = startStory('ann bob', { seed: 8, detail: 'facts' });
  const { world, facts, run, runUntil } = story;
  injectFault(world, { kind: 'blackHole', at: 0, span: 10_000, overBytes: 512 });
  changeOften(story, 5000);
  const says = (): string | undefined =>
    world.host('ann').runningAgent.view.diagnose('bob', (at) => `${at}`, undefined)?.sentence;
  expect(says()).toMatch(/^datagrams of 1024 bytes and more do not pass from this agent since \d+/);

  run('15s');
  expect(runUntil(() => facts('longDatagramsPass', 'ann').length === 1, '150s')).toBe(true);
  expect(says()).not.toMatch(/do not pass/);
});

test('an event, and tags, that are too long reach a member by streams', () => {
  const story = startStory('ann bob', { seed: 9, detail: 'facts' });
  const { world, setTags, facts, runUntil, member, sendCommand } = story;
  injectFault(world, { kind: 'blackHole', at: 0, span: 600_000, overBytes: 300 });
  changeOften(story, 5000);
  expect(new Set(facts('longDatagramsLost').map(({ limit }) => limit))).toEqual(new Set([256]));

  const payload = new Uint8Array(400);
  sendCommand('ann', { kind: 'fireEvent', name: 'deploy', payload, coalesce: false });
  setTags('ann', { role: 'x'.repeat(300) });

  expect(runUntil(() => facts('userEventReceived').length === 2, '2s')).toBe(true);
  expect(runUntil(() => member('bob', 'ann')?.tags.get('role')?.length === 300, '3s')).toBe(true);
});

test('loss of a third, and a member that ends, shorten no datagrams', () => {
  const story = startStory('ann bob cat', { seed: 10, detail: 'facts' });
  const { world, facts, stop } = story;
  injectFault(world, { kind: 'loss', at: 0, span: 600_000, chance: 0.3 });
  stop('cat');
  changeOften(story, 5000);
  expect(facts('longDatagramsLost')).toEqual([]);
});
