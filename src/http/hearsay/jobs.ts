/** Jobs as JSON: their definition as users write it, their next tick and their runs. Field names are a contract. */
import { toFileForm } from '../../config/jobs.ts';
import type { JobView, SeenRun } from '../../jobs/types.ts';
import { formatWallTime } from '../../model/job-schedule.ts';
import {
  any,
  arrayOf,
  boolean,
  nullable,
  number,
  object,
  recordOf,
  string,
  strings,
} from '../endpoint/schema.ts';

/** Agents that a summary names. */
const MAX_NAMED = 5;

const JOB_RUN_SCHEMA = object({
  tick: string,
  node: string,
  attempt: number,
  state: string,
  started: nullable(string),
  ended: nullable(string),
  durationMs: nullable(number),
  exit: nullable(number),
  token: number,
});

export const JOB_SCHEMA = object({
  name: string,
  definition: recordOf(any),
  owners: strings,
  paused: boolean,
  nextTick: nullable(string),
  nextOwner: nullable(string),
  eligible: strings,
  clockDiffers: arrayOf(object({ node: string, offset: number })),
  runs: arrayOf(JOB_RUN_SCHEMA),
  output: string,
  summary: string,
});

export const toJobJson = (job: JobView): Record<string, unknown> => ({
  name: job.definition.name,
  definition: toFileForm({ definition: job.definition, run: undefined }),
  owners: job.owners,
  paused: job.paused,
  nextTick: job.nextTick === undefined ? null : formatWallTime(job.nextTick),
  nextOwner: job.nextOwner ?? null,
  eligible: job.eligible,
  clockDiffers: job.clockDiffers,
  runs: job.runs.map(toRunJson),
  output: job.output,
  summary: explainJob(job),
});

const toRunJson = ({ node, run }: SeenRun): Record<string, unknown> => ({
  ...{ tick: formatWallTime(run.tick), node, attempt: run.attempt, state: run.state },
  started: run.startedAt === 0 ? null : formatWallTime(run.startedAt),
  ended: run.endedAt === 0 ? null : formatWallTime(run.endedAt),
  durationMs: run.startedAt === 0 || run.endedAt === 0 ? null : Math.max(0, run.endedAt - run.startedAt),
  // A run that timed out or was answered by nobody has none, and 0 would say that it went well.
  exit: run.endedAt === 0 || (run.exit <= 0 && run.state !== 'succeeded') ? null : run.exit,
  token: run.token,
});

/** Why the job runs where it does, or does not run. */
function explainJob(job: JobView): string {
  const { definition, eligible, nextOwner, paused, runs } = job;
  const { place, quorum, action } = definition;
  const where =
    place.service !== undefined
      ? `with a usable instance of ${place.service}`
      : place.tag !== undefined
        ? `with the tag ${place.tag}`
        : 'that are well';
  const having = action.kind === 'command' ? ', and have it in their configuration' : '';
  const who = `${eligible.length} agent${eligible.length === 1 ? '' : 's'} ${where}${having}`;
  const last = runs[0];
  const history =
    last === undefined
      ? ''
      : ` The tick of ${formatWallTime(last.run.tick)} ${endOf(last)} on ${last.node}${sinceOf(job, last.node)}.`;
  if (paused) return `It is paused: \`hearsay jobs resume ${definition.name}\` ends that.${history}`;
  if (eligible.length < quorum)
    return `It does not run: there are ${who}, and ${quorum} must be in view.${clocksOf(job)}${history}`;
  if (nextOwner === undefined) return `It has no further tick.${history}`;
  return `Of ${who}, ${nextOwner} has the smallest hash for the next tick, and runs it.${clocksOf(job)}${history}`;
}

/** Why the last run was where it was, if that is not where the hash alone would have had it. */
const sinceOf = ({ detour }: JobView, node: string): string =>
  detour?.to === node ? `, since ${detour.node} ${detour.reason}` : '';

/** The agents that run nothing since their clocks differ. */
const clocksOf = ({ clockDiffers }: JobView): string =>
  clockDiffers.length === 0
    ? ''
    : ` Not ${clockDiffers
        .slice(0, MAX_NAMED)
        .map(
          ({ node, offset }) =>
            `${node}, whose clock is ${(Math.abs(offset) / 1000).toFixed(1)} s ${offset > 0 ? 'ahead of' : 'behind'} the others`,
        )
        .join('; ')}.`;

const ENDS: Readonly<Record<SeenRun['run']['state'], string>> = {
  claimed: 'is claimed',
  running: 'is running',
  waiting: 'failed, and is tried again',
  succeeded: 'succeeded',
  failed: 'failed',
  timedOut: 'was killed at its timeout',
  lost: 'was lost: its agent died in the middle,',
  skipped: 'was skipped, since the run before it had not ended,',
};
const endOf = ({ run }: SeenRun): string => ENDS[run.state];
