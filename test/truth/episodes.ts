/** Episodes: what may happen to a member, each with the answers that are right then. */
import { joinOthers } from '../../src/sim/world/bootstrap.ts';
import { hostEnvelope } from '../../src/sim/world/message-kinds.ts';
import { Dead, encodeMessage, Suspect } from '../../src/wire/memberlist.ts';
import { sealPacket } from '../../src/wire/packet.ts';
import {
  between,
  countAccusations,
  type Episode,
  pass,
  pick,
  type Scene,
  type Truth,
  untouched,
  waitFor,
  waitUntilWhole,
} from './scene.ts';

const DOWN = ['suspect', 'failed'];
const ACCUSED: Truth['findings'] = ['suspected', 'failed'];
const RESOLVED: Truth['findings'] = ['refuted', 'returned'];

/** The process ends, or its machine loses power. */
function crash(scene: Scene, powerOff: boolean): Truth {
  const { story, node, rng } = scene;
  const since = story.world.now;
  story.stop(node, { powerOff });
  waitFor(scene, rng.int(3) === 0 ? DOWN : ['failed']);
  pass(scene, 0, 5000);
  return {
    ...{ findings: ACCUSED, accusations: ['true'], since },
    causes: [powerOff ? 'silent' : 'refused'],
  };
}

/** The process ends, and another one starts in its place or, as on another machine, at another address. */
function comeBack(scene: Scene, moves: boolean, longest: number): Truth | undefined {
  const { story, node, rng } = scene;
  const since = story.world.now;
  const before = countAccusations(scene);
  const shortest = longest > 10_000 ? 5000 : 50;
  story.stop(node, { powerOff: rng.int(3) === 0 });
  story.run(`${Math.round(shortest * (longest / shortest) ** rng.next())}ms`);
  story.world.start(node, { newAddress: moves, restore: rng.int(2) === 0 });
  joinOthers(story.world, node);
  waitFor(scene, ['alive'], story.world.host(node).address.key);
  pass(scene, 2000, 6000);
  waitUntilWhole(scene);
  waitFor(scene, ['alive'], story.world.host(node).address.key);
  const isAccused = countAccusations(scene) > before;
  if (moves)
    return {
      ...{ findings: ['returned'], causes: ['moved'], since },
      accusations: isAccused ? ['true'] : ['true', undefined],
    };
  return isAccused ? { findings: RESOLVED, accusations: ['true'], causes: ['restarted'], since } : undefined;
}

/** The process is suspended, and asked about while it is, or after it went on. */
function stall(scene: Scene, waitsForEnd: boolean): Truth | undefined {
  const { story, node, rng } = scene;
  const since = story.world.now;
  const before = countAccusations(scene);
  story.world.pause(node);
  if (!waitsForEnd) {
    waitFor(scene, DOWN);
    pass(scene, 0, 3000);
    return { findings: ACCUSED, accusations: ['unclear'], causes: ['hung'], since };
  }
  story.run(`${Math.round(between(rng, 2500, 25_000))}ms`);
  story.resume(node);
  pass(scene, 1500, 4000);
  waitUntilWhole(scene);
  return countAccusations(scene) > before
    ? { findings: RESOLVED, accusations: ['false'], causes: ['stalled'], since }
    : undefined;
}

/** Another member is suspended for a while. It must accuse nobody, or else be found out. */
function stallOfOther(scene: Scene): Truth | undefined {
  const { story, other, rng } = scene;
  const since = story.world.now;
  const before = countAccusations(scene);
  story.pause(other, `${Math.round(between(rng, 500, 6000))}ms`);
  pass(scene, 7000, 12_000);
  return countAccusations(scene) > before
    ? { findings: RESOLVED, accusations: ['false'], causes: ['network', 'accuser'], since }
    : undefined;
}

/** The node really dies while another member is suspended, or was a moment ago. */
function crashBesideStall(scene: Scene): Truth {
  const { story, other, rng } = scene;
  story.pause(other, `${Math.round(between(rng, 500, 4000))}ms`);
  pass(scene, 0, 5000);
  return crash(scene, rng.int(2) === 0);
}

/** Datagrams from one end to the other are lost, and none of the way back. */
function oneWayLink(scene: Scene): Truth {
  const { story, node, rest, rng } = scene;
  const end = pick(rng, rest);
  const ends = rng.int(2) === 0 ? ([node, end] as const) : ([end, node] as const);
  const lift = story.cut(...ends, { oneWay: true, ...(rng.int(2) === 0 ? { transport: 'udp' } : {}) });
  pass(scene, 15_000, 60_000);
  waitUntilWhole(scene);
  const asked = {
    findings: ['linkOneWay', 'clean', ...RESOLVED],
    accusations: [undefined, 'false'],
  } as const;
  if (rng.int(2) === 0) lift();
  return { ...asked, causes: [undefined, 'network', 'accuser'], since: 0 };
}

/** The network falls apart; the node is on the other side. */
function partition(scene: Scene, heals: boolean): Truth | undefined {
  const { story, node, rest, other, observer, rng } = scene;
  const since = story.world.now;
  const before = countAccusations(scene);
  const far = [node, ...[other, ...rest].filter((name) => name !== observer && rng.int(2) === 0)];
  const near = [node, other, ...rest].filter((name) => !far.includes(name));
  story.partition(far, near);
  if (heals) {
    pass(scene, 3000, 60_000);
    story.heal();
    pass(scene, 4000, 9000);
    waitUntilWhole(scene);
    return countAccusations(scene) > before
      ? { findings: RESOLVED, accusations: ['false'], causes: ['network', 'accuser'], since }
      : undefined;
  }
  const failed = (): boolean => far.every((name) => story.member(observer, name)?.status === 'failed');
  if (!story.runUntil(failed, '3m')) throw new Error(`${observer} never showed ${far.join(', ')} failed`);
  pass(scene, 0, 5000);
  // One member alone may as well have lost its power: silence is all there is to say.
  return far.length === 1
    ? { findings: ['failed'], accusations: ['true', 'unclear'], causes: ['silent', 'network'], since }
    : { findings: ['failed'], accusations: ['unclear'], causes: ['network'], since };
}

/** Another member hears nothing for a while, and accuses the node in good faith. */
function deafAccuser(scene: Scene): Truth | undefined {
  const { story, other, node, rng } = scene;
  const since = story.world.now;
  const before = countAccusations(scene);
  const lift = story.cut('*', other, { oneWay: rng.int(2) === 0 });
  const isAccused = (): boolean => DOWN.includes(story.member(other, node)?.status ?? '');
  story.runUntil(isAccused, '30s');
  lift();
  pass(scene, 5000, 20_000);
  waitUntilWhole(scene);
  return countAccusations(scene) > before
    ? { findings: RESOLVED, accusations: ['false'], causes: ['network', 'accuser'], since }
    : undefined;
}

/** A holder of the key accuses the node in the name of a member that did not. */
function forgedWord(scene: Scene): Truth | undefined {
  const { story, node, other, rest, rng } = scene;
  const since = story.world.now;
  const before = countAccusations(scene);
  const target = pick(rng, rest);
  const { incarnation = 1 } = story.member(target, node) ?? {};
  const message = { incarnation, node, from: other };
  const bytes = encodeMessage(rng.int(2) === 0 ? Suspect.create(message) : Dead.create(message));
  const insider = pick(rng, rest);
  const from = rng.int(2) === 0 ? story.world.newAddress() : story.world.host(insider).address;
  const nonce = story.world.nonceSource();
  for (const name of [node, other]) story.lawChecker.markForged(name);
  story.world.injectDatagram(target, from, sealPacket([bytes], hostEnvelope({}), { crc: false, nonce }));
  pass(scene, 2000, 6000);
  waitUntilWhole(scene);
  return countAccusations(scene) > before
    ? { findings: RESOLVED, accusations: ['false'], causes: ['forged'], since }
    : undefined;
}

const LONG = 70_000;
const SHORT = 4000;
const episode = (name: string, endsAlive: boolean, run: Episode['run']): Episode => ({
  name,
  endsAlive,
  run,
});

export const EPISODES: readonly Episode[] = [
  episode('crash', false, (scene) => crash(scene, false)),
  episode('power off', false, (scene) => crash(scene, true)),
  episode('restart', true, (scene) => comeBack(scene, false, LONG)),
  episode('quick restart', true, (scene) => comeBack(scene, false, SHORT)),
  episode('move', true, (scene) => comeBack(scene, true, LONG)),
  episode('quick move', true, (scene) => comeBack(scene, true, SHORT)),
  episode('stall, asked in it', false, (scene) => stall(scene, false)),
  episode('stall', true, (scene) => stall(scene, true)),
  episode('stall of another', true, stallOfOther),
  episode('crash beside a stall', false, crashBesideStall),
  episode('one-way link', false, oneWayLink),
  episode('partition, asked in it', false, (scene) => partition(scene, false)),
  episode('partition', true, (scene) => partition(scene, true)),
  episode('deaf accuser', true, deafAccuser),
  episode('forged word', true, forgedWord),
];

/** What is right if a single episode was noticed by nobody. */
export const nothing = untouched;
