/**
 * Ticks of a schedule. Cron expressions and time zones are read by croner, of which only the next time is asked. A date is
 * made of a given time here, and never tells the present one.
 */
import { Cron } from 'croner';
import type { Schedule, WallMillis } from './job.ts';

/** The first tick after a time; `undefined`: there is none. */
export function nextTick(schedule: Schedule, after: WallMillis): WallMillis | undefined {
  switch (schedule.kind) {
    case 'every':
      return (Math.floor(after / schedule.every) + 1) * schedule.every;
    case 'at':
      return schedule.at > after ? schedule.at : undefined;
    case 'cron':
      return cronOf(schedule.expression, schedule.timezone).nextRun(new Date(after))?.getTime();
  }
}

/** The latest ticks in (after, to], at most `limit` of them. */
export function ticksBetween(
  schedule: Schedule,
  after: WallMillis,
  to: WallMillis,
  limit: number,
): WallMillis[] {
  // From the end backward, since an agent may have been down for a year of seconds.
  for (let span = FIRST_SPAN; ; span *= 4) {
    const from = Math.max(after, to - span);
    const ticks: WallMillis[] = [];
    let steps = 0;
    for (
      let tick = nextTick(schedule, from);
      tick !== undefined && tick <= to;
      tick = nextTick(schedule, tick)
    ) {
      ticks.push(tick);
      if (++steps >= MAX_STEPS) break;
    }
    if (from === after || ticks.length >= limit) return ticks.slice(-limit);
  }
}

const FIRST_SPAN = 60_000;
/** A schedule with more ticks in one span has a burst in it, and what is found of that will do. */
const MAX_STEPS = 4000;

/** Why an expression or a time zone is of no use; `undefined`: it is. */
export function cronProblem(expression: string, timezone: string): string | undefined {
  try {
    if (cronOf(expression, timezone).nextRun(new Date(0)) !== null) return undefined;
    return `cron ${JSON.stringify(expression)} never comes: no month has such a day`;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return /timezone/i.test(text)
      ? `timezone ${JSON.stringify(timezone)} is unknown: give a name such as Europe/Berlin, or UTC`
      : `cron ${JSON.stringify(expression)} is invalid: ${text.replace(/^CronPattern: /, '')}`;
  }
}

/** The last few expressions that were parsed: each tick asks for the same ones again. */
const parsed = new Map<string, Cron>();
const MAX_PARSED = 256;

function cronOf(expression: string, timezone: string): Cron {
  const key = `${timezone}\n${expression}`;
  let cron = parsed.get(key);
  if (cron === undefined) {
    cron = new Cron(expression, { timezone, paused: true });
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(key, cron);
  }
  return cron;
}

/** As in RFC 3339, in UTC. */
export const formatWallTime = (at: WallMillis): string => new Date(at).toISOString();

/** `undefined`: it is no time of RFC 3339. */
export function parseWallTime(text: string): WallMillis | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return undefined;
  const at = new Date(text).getTime();
  return Number.isFinite(at) ? at : undefined;
}
