/** One story whose truth is known: what happens to a member, what an agent then says about it, and whether it is right. */
import { createRng, shuffle } from '../../src/base/rng.ts';
import { createStory, type Story } from '../../src/sim/scenarios/story.ts';
import { runWhy, type WhyResult } from '../story/why.ts';
import { EPISODES, nothing } from './episodes.ts';
import { between, type Episode, pick, type Scene, type Truth } from './scene.ts';

export interface Verdict {
  readonly seed: number;
  /** The episodes, joined by ` + `. */
  readonly name: string;
  readonly right: boolean;
  /** What was said, and what would have been right. */
  readonly note: string;
}

const NAMES = ['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gus'];
/** Share of stories in which something else had happened to the node before. */
const SEQUELS = 0.4;
/** Share of stories on busy hosts, whose processes are late by up to 0.4 s again and again. */
const BUSY = 0.5;
/** Quiet time between two episodes, in ms. */
const GAP = [12_000, 60_000] as const;

export function judgeStory(seed: number): Verdict {
  const rng = createRng(seed);
  const names = shuffle(NAMES.slice(0, 4 + rng.int(4)), rng);
  const [node, other, ...rest] = names as [string, string, ...string[]];
  const story = createStory([...names].sort().join(' '), {
    seed,
    detail: 'facts',
    linkQuality: { loss: pick(rng, [0, 0, 0.01, 0.02]) },
  });
  if (rng.next() < BUSY) makeBusy(story, rest, createRng(seed + 1));
  story.run('12s');
  const last = pick(rng, EPISODES);
  const scene: Scene = { story, rng, node, other, rest, observer: drawObserver(rng.int(4), last, names) };
  const first =
    rng.next() < SEQUELS
      ? pick(
          rng,
          EPISODES.filter(({ endsAlive }) => endsAlive),
        )
      : undefined;
  const name = first === undefined ? last.name : `${first.name} + ${last.name}`;
  let before: Truth | undefined;
  if (first !== undefined) {
    before = first.run(scene);
    story.run(`${Math.round(between(rng, ...GAP))}ms`);
  }
  const truth = combine(last, last.run(scene), before);
  const said = runWhy(story, scene.observer, node);
  const wrong = findFault(said, truth, last.name === 'forged word' || first?.name === 'forged word');
  const note = `${scene.observer} on ${node}: ${wrong}: ${said.finding}, ${said.accusation}, ${said.cause}: ${said.sentence}`;
  return { seed, name, right: wrong === undefined, note: wrong === undefined ? '' : note };
}

/** What is right of the last episode, or of the one before if nobody noticed the last. */
function combine(last: Episode, truth: Truth | undefined, before: Truth | undefined): Truth {
  if (before === undefined) return truth ?? nothing(0);
  if (truth === undefined) return afterAll(before, last);
  if (last.name !== 'one-way link') return truth;
  // Nobody can be sure yet: relays get through.
  return {
    findings: [...truth.findings, ...before.findings],
    accusations: [...truth.accusations, ...before.accusations],
    causes: [...truth.causes, ...before.causes],
    since: 0,
  };
}

/**
 * What is right if only the first episode was noticed. A restart that nobody noticed has cost the node its memory: whether
 * it had been running is not known any more, and then nothing else must be said.
 */
const afterAll = (truth: Truth, last: Episode): Truth =>
  last.name !== 'quick restart'
    ? truth
    : {
        ...truth,
        accusations: [...truth.accusations, 'unclear'],
        causes: [...truth.causes, 'silent', 'hung', 'network', undefined],
      };

/** The node itself, now and then, where it is alive in the end. */
const drawObserver = (die: number, { endsAlive }: Episode, names: readonly string[]): string =>
  die === 0 && endsAlive ? (names[0] as string) : (names[1 + (die % (names.length - 1))] as string);

/** Short stalls that last to the end of the story. */
function makeBusy(story: Story, hosts: readonly string[], rng: ReturnType<typeof createRng>): void {
  const { world } = story;
  for (const host of hosts) {
    const next = (): void => {
      world.schedule(world.now + between(rng, 1000, 5000), () => {
        world.pause(host);
        world.schedule(world.now + between(rng, 50, 400), () => {
          world.resume(host);
          next();
        });
      });
    };
    next();
  }
}

/** What is wrong with a diagnosis; `undefined`: nothing. */
export function findFault(
  { finding, accusation, cause, sentence }: Pick<WhyResult, 'finding' | 'accusation' | 'cause' | 'sentence'>,
  truth: Truth,
  isForged: boolean,
): string | undefined {
  if (!truth.findings.includes(finding)) return `not ${truth.findings.join(' or ')}`;
  if (!truth.accusations.includes(accusation)) return `not ${truth.accusations.join(' or ')}`;
  if (!truth.causes.includes(cause)) return `the cause is ${truth.causes.join(' or ')}`;
  if (!isForged && sentence.includes('forged')) return 'nothing was forged';
  if (sentence.includes('two nodes claim')) return 'no other node has the name';
  const [, at] = /(?:suspected|declared failed) by \S+ at (\d+) s/.exec(sentence) ?? [];
  if (at !== undefined && Number(at) * 1000 < truth.since - 1000)
    return `it happened after ${truth.since} ms`;
  return undefined;
}
