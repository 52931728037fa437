/** Stories in tests: a story that fails prints its seed and the end of its trace. */
import { onTestFailed } from 'vitest';
import { createStory, type Story, type StoryOptions } from '../../src/sim/scenarios/story.ts';

const SHOWN_LINES = 80;

export function startStory(names: string, options: StoryOptions): Story {
  const story = createStory(names, options);
  onTestFailed(() => {
    const lines = story.world.trace.lines().filter((line) => / [*?!] /.test(line));
    console.error(
      [`seed ${story.world.seed}, at ${story.world.now} ms`, ...lines.slice(-SHOWN_LINES)].join('\n'),
    );
  });
  return story;
}

/** `{ ann: status, cat: status }`. */
export const withStatus = <S extends string>(names: string, status: S): Record<string, S> =>
  Object.fromEntries(names.split(' ').map((name) => [name, status]));
