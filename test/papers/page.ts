/** The page of the papers' tables. */
import type { Done } from './run.ts';

export interface PageInput {
  readonly done: readonly Done[];
  readonly reps: number;
  readonly missing: number;
}

/** What has been run so far. */
export const pageOf = ({ done, missing }: PageInput): string => `${done.length} of ${done.length + missing}\n`;
