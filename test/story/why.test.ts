import { describe, expect, test } from 'vitest';
import type { Story } from '../../src/sim/scenarios/story.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { encodeMessage, Suspect } from '../../src/wire/memberlist.ts';
import { sealPacket } from '../../src/wire/packet.ts';
import { startStory } from './start-story.ts';
import { runWhy } from './why.ts';

const NAMES = 'ann bob cat dan eve';
const PROBES = 'direct, stream and 3 of 3 indirect probes failed';

/** The member that first accused the node by a probe of its own. */
function accuserOf(story: Story, node: string): string {
  const found = story
    .facts('memberSuspected')
    .find((fact) => fact.node === node && fact.reason.kind === 'probe');
  if (found === undefined) throw new Error(`no agent accused ${node} by a probe`);
  return found.by;
}

describe('I10: the diagnosis of each kind of accusation, at the accused, the accuser and a bystander', () => {
  test('a process that has ended: the watchers whose connections closed, and what its host said', () => {
    const story = startStory(NAMES, { seed: 1 });
    story.run('10s');
    story.stop('bob');
    story.run('5s');
    for (const observer of NAMES.split(' ').filter((name) => name !== 'bob')) {
      const { sentence, finding, accusation, cause } = runWhy(story, observer, 'bob');
      expect([finding, accusation, cause]).toEqual(['failed', 'true', 'refused']);
      expect(sentence).toMatch(
        /^declared failed by \w+ at \d+ s.*: at \w+, \w+ and \w+ its connections closed, and 3 new ones were refused within 1.0 s: no process listened there, so likely true$/,
      );
    }
    story.restart('bob');
    story.run('5s');
    expect(runWhy(story, 'ann', 'bob')).toMatchObject({
      ...{ finding: 'returned', accusation: 'true', cause: 'restarted' },
      sentence: expect.stringMatching(/its connections closed.*; it was restarted at \d+ s$/),
    });
  });

  test('a crash: who probed it, in which ways, and that the others found the same', () => {
    const story = startStory(NAMES, { seed: 1 });
    story.stop('bob', { powerOff: true });
    story.run('20s');
    const accuser = accuserOf(story, 'bob');
    const bystander = NAMES.split(' ').find((name) => name !== 'bob' && name !== accuser) as string;

    for (const observer of [accuser, bystander]) {
      const { sentence, finding, accusation, entries, took } = runWhy(story, observer, 'bob');
      expect([finding, accusation]).toEqual(['failed', 'true']);
      expect(sentence).toMatch(new RegExp(`^declared failed by \\w+ at \\d+ s.*: ${PROBES}, and`));
      expect(sentence).toContain(', so likely true');
      const [probe] = entries.filter(({ by, fact }) => by === accuser && fact.kind === 'memberSuspected');
      expect(probe?.fact).toMatchObject({ by: accuser, reason: { kind: 'probe', nacks: 3, awareness: 0 } });
      expect(took).toBeLessThan(500); // All have answered, so the query ends before its timeout.
    }
    story.restart('bob');
    story.run('5s');
    for (const observer of ['bob', accuser, bystander])
      expect(runWhy(story, observer, 'bob')).toMatchObject({
        ...{ finding: 'returned', accusation: 'true' },
        sentence: expect.stringMatching(/^was declared failed by .*; it was restarted at \d+ s$/),
      });
  });

  test('a crash, from reports of witnesses alone, at a member that joined later', () => {
    const story = startStory(NAMES, { seed: 2 });
    story.stop('bob', { powerOff: true });
    story.run('20s');
    story.addHost('fay');
    story.run('5s');

    // It has learned of the dead member, and saw nothing of how it died.
    expect(runWhy(story, 'fay', 'bob', false).sentence).not.toContain('probes failed');
    expect(runWhy(story, 'fay', 'bob').sentence).toContain(PROBES);
  });

  test('a stall of the accused: it was running, and late itself', () => {
    const story = startStory(NAMES, { seed: 5 });
    story.pause('bob', '3s');
    story.run('12s');
    const accuser = accuserOf(story, 'bob');

    for (const observer of ['bob', ...NAMES.split(' ')]) {
      const { sentence, finding, accusation } = runWhy(story, observer, 'bob');
      expect([observer, finding, accusation]).toEqual([observer, 'refuted', 'false']);
      expect(sentence).toMatch(new RegExp(`^was suspected by ${accuser} at \\d s: ${PROBES}`));
      expect(sentence).toMatch(/had been 2\.\d s late itself, so its answers did not arrive: a false alarm$/);
    }
  });

  test('a stall of the accuser: the accusation is doubted, with the reason', () => {
    const story = startStory(NAMES, { seed: 10 });
    // A live migration of a virtual machine: nothing runs for two seconds, and then its network is away for a while.
    story.pause('ann', '2500ms');
    story.run('2600ms');
    const lift = story.cut('*', 'ann');
    expect(story.runUntil(() => story.facts('memberSuspected', 'ann').length > 0, '20s')).toBe(true);
    const node = story.facts('memberSuspected', 'ann')[0]?.node as string;

    const alone = runWhy(story, 'ann', node);
    expect([alone.finding, alone.accusation]).toEqual(['suspected', 'false']);
    expect(alone.sentence).toMatch(
      /^suspected by ann at \d+ s: direct, stream and 0 of 3 indirect probes failed/,
    );
    expect(alone.sentence).toMatch(
      /; ann itself was unhealthy \(awareness \d, .* and no helper of ann answered it, so likely false$/,
    );
    lift();
    story.run('12s');
    const bystander = NAMES.split(' ').find((name) => name !== 'ann' && name !== node) as string;
    for (const observer of [node, 'ann', bystander]) {
      const { sentence, accusation } = runWhy(story, observer, node);
      expect([observer, accusation]).toEqual([observer, 'false']);
      expect(sentence).toContain('ann itself was unhealthy');
      expect(sentence).toMatch(/refuted that.*: a false alarm$/);
    }
  });

  test('a one-way link: no member is at fault, and the link is named', () => {
    const story = startStory(NAMES, { seed: 3 });
    story.cut('ann', 'bob', { oneWay: true, transport: 'udp' });
    story.run('60s');

    const end = { ann: 'this agent', bob: 'ann', cat: 'ann' };
    for (const [observer, name] of Object.entries(end))
      expect(runWhy(story, observer, 'bob')).toMatchObject({
        ...{ finding: 'linkOneWay', accusation: undefined },
        sentence: expect.stringMatching(
          new RegExp(`^pings between it and ${name} have failed since \\d+ s, and others succeed`),
        ),
      });
  });

  test('only UDP is lost: the member is running, and only streams reach it', () => {
    const story = startStory(NAMES, { seed: 4 });
    story.cut('*', 'bob', { transport: 'udp' });
    story.run('40s');

    for (const observer of ['ann', 'bob', 'cat']) {
      const { sentence, finding } = runWhy(story, observer, 'bob');
      expect([observer, finding]).toEqual([observer, 'streamsOnly']);
      expect(sentence).toMatch(/only TCP has worked since \d+ s: it is alive, and UDP .* is lost$/);
    }
  });

  test('a forged accusation: the alleged accuser knows of no probe', () => {
    const story = startStory(NAMES, { seed: 1 });
    story.run('10s');
    for (const name of ['ann', 'bob']) story.lawChecker.markForged(name);
    const hostile = story.world.newAddress();
    const { incarnation = 1 } = story.member('dan', 'bob') ?? {};
    const suspect = encodeMessage(Suspect.create({ incarnation, node: 'bob', from: 'ann' }));
    const nonce = story.world.nonceSource();
    story.world.injectDatagram(
      'dan',
      hostile,
      sealPacket([suspect], hostEnvelope({}), { crc: false, nonce }),
    );
    story.run('5s');

    for (const observer of ['bob', 'ann', 'eve', 'dan']) {
      const who = observer === 'ann' ? 'this agent' : 'ann';
      const { sentence, finding, accusation } = runWhy(story, observer, 'bob');
      expect([observer, finding, accusation]).toEqual([observer, 'refuted', 'false']);
      expect(sentence).toContain(`${who} knows of no such probe: forged in its name`);
    }
    const { sentence } = runWhy(story, 'dan', 'bob');
    expect(sentence).toContain(`the message came from ${hostile.key}, which is not a member`);
    // Without the witness nothing can be said.
    expect(runWhy(story, 'eve', 'bob', false).sentence).toContain('what ann saw is not known here');
  });

  test('accusations by the hundred: their source is named', () => {
    const story = startStory(NAMES, { seed: 7 });
    for (const name of NAMES.split(' ')) story.lawChecker.markForged(name);
    const hostile = story.world.newAddress();
    const nonce = story.world.nonceSource();
    for (let i = 0; i < 200; i++) {
      const node = ['ann', 'bob', 'cat', 'eve'][i % 4] as string;
      const { incarnation = 1 } = story.member('dan', node) ?? {};
      const suspect = encodeMessage(Suspect.create({ incarnation, node, from: 'ann' }));
      story.world.injectDatagram(
        'dan',
        hostile,
        sealPacket([suspect], hostEnvelope({}), { crc: false, nonce }),
      );
      story.run('10ms');
    }
    expect(story.facts('accusationRateLimited', 'dan').length).toBeGreaterThan(8);
    story.run('3s');
    for (const observer of ['bob', 'dan', 'cat'])
      expect(runWhy(story, observer, 'bob').sentence).toContain(
        `accusations from ${hostile.key} exceeded the rate limit`,
      );
  });

  test('two members with one name: which one has it, and which one claims it', () => {
    const story = startStory(NAMES, { seed: 8 });
    story.addHost('twin', { name: 'bob' });
    story.run('5s');

    const [held, claimed] = ['bob', 'twin'].map((label) => story.world.host(label).address.key);
    for (const observer of ['ann', 'bob', 'cat']) {
      const { sentence, finding } = runWhy(story, observer, 'bob');
      expect([observer, finding]).toEqual([observer, 'nameConflict']);
      expect(sentence).toContain(`two nodes claim the name bob: ${held} has it, ${claimed} wants it`);
    }
  });

  test('a leave is no fault; one forced by an operator is told apart from its own', () => {
    const story = startStory(NAMES, { seed: 9 });
    story.leave('bob');
    story.stop('eve');
    story.run('20s');
    story.forget('ann', 'eve');
    story.run('5s');

    for (const observer of ['ann', 'cat']) {
      expect(runWhy(story, observer, 'bob').sentence).toMatch(/^left in order at \d+ s$/);
      expect(runWhy(story, observer, 'eve').sentence).toMatch(
        /^was declared failed by \w+ at \d+ s, and forgotten by an operator at 2\d s$/,
      );
    }
  });

  test('a partition: the members that failed together are named, and none is called dead', () => {
    const story = startStory(NAMES, { seed: 10 });
    story.partition(['ann', 'bob'], ['cat', 'dan', 'eve']);
    story.run('30s');

    expect(runWhy(story, 'cat', 'bob')).toMatchObject({ finding: 'failed', accusation: 'unclear' });
    expect(runWhy(story, 'cat', 'bob').sentence).toMatch(
      /; ann failed at the same time, so it may be the network$/,
    );
    story.heal();
    story.run('60s');
    for (const observer of ['ann', 'bob', 'cat'])
      expect(runWhy(story, observer, 'bob')).toMatchObject({
        accusation: 'false',
        sentence: expect.stringMatching(/a false alarm$/),
      });
  });
});

test('nothing is said against a member that was never accused, and the number of witnesses queried is given', () => {
  const story = startStory(NAMES, { seed: 11, hosts: { eve: { serfPeer: true } } });
  story.run('10s');
  const { sentence, finding, answered } = runWhy(story, 'ann', 'bob');
  expect(finding).toBe('clean');
  expect(sentence).toMatch(/^no accusation of bob is known to ann and 3 other agents: alive since/);
  expect([...answered].sort()).toEqual(['bob', 'cat', 'dan']); // eve is no agent of ours, and is not queried.
  expect(story.facts('queryRefused')).toEqual([]);
});

test('I11: evidence outlives the row', () => {
  const story = startStory(NAMES, { seed: 12 });
  story.stop('bob');
  story.run('20s');
  story.forget('ann', 'bob', { prune: true });
  story.run('5m');
  expect(story.member('cat', 'bob')).toBeUndefined();
  expect(runWhy(story, 'cat', 'bob').sentence).toMatch(/^declared failed by \w+ at \d+ s/);
});
