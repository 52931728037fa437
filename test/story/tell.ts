/** Stories as tests: one that fails shows its seed and the end of its trace. */
import { onTestFailed } from 'vitest';
import { type Story, type StoryOptions, story } from '../../src/sim/scenarios/story.ts';

const SHOWN_LINES = 80;

export function tell(names: string, options: StoryOptions): Story {
  const told = story(names, options);
  onTestFailed(() => {
    const lines = told.world.trace.lines().filter((line) => / [*?!] /.test(line));
    console.error(
      [`seed ${told.world.seed}, at ${told.world.now} ms`, ...lines.slice(-SHOWN_LINES)].join('\n'),
    );
  });
  return told;
}

/** `{ ann: status, cat: status }`. */
export const all = <S extends string>(names: string, status: S): Record<string, S> =>
  Object.fromEntries(names.split(' ').map((name) => [name, status]));
