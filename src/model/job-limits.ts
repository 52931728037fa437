/** The limits of a definition. They are the same for what an agent registers and for what it accepts of others. */
import type { JobDefinition } from './job.ts';
import { cronProblem } from './job-schedule.ts';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;
const SERVICE = /^[A-Za-z0-9._-]{1,128}$/;
const TAG = /^[^=\p{Cc}]{1,64}=[^\p{Cc}]{0,128}$/u;
/** A user or a password would be published to all agents. */
const URL_START = /^https?:\/\/[^\s/?#@]+(?:[/?#]|$)/;
/** In a URL: the port of the service's instance on the agent that runs the tick. */
export const OWN_PORT = '{port}';
const MAX_URL_BYTES = 384;
const MAX_EXPRESSION = 96;
const MAX_TIMEZONE = 48;
const MIN_EVERY = 1000;
const MAX_DURATION = 366 * 24 * 3600 * 1000;
const MAX_WALL = 2 ** 43;
const MAX_RETRIES = 10;
const MAX_QUORUM = 1000;
const DAY = 24 * 3600 * 1000;

/** Why a definition may not be registered, as a clause with the field before it; `undefined`: it may. */
export function definitionProblem(definition: JobDefinition): string | undefined {
  const { name, timeout, retries, jitter, quorum, registeredAt } = definition;
  if (!NAME.test(name))
    return 'name must be 1 to 64 letters, digits, ".", "_" or "-", and begin and end with a letter or digit';
  if (!isWithin(timeout, 1, DAY)) return 'timeout must be 1ms to 24h';
  if (!isWithin(retries, 0, MAX_RETRIES)) return `retries must be 0 to ${MAX_RETRIES}`;
  if (!isWithin(jitter, 0, DAY)) return 'jitter must be 0s to 24h';
  if (!isWithin(quorum, 1, MAX_QUORUM)) return `quorum must be 1 to ${MAX_QUORUM}`;
  if (!isWithin(registeredAt, 0, MAX_WALL)) return 'time of registration is no time';
  return scheduleProblem(definition) ?? placeProblem(definition) ?? actionProblem(definition);
}

function scheduleProblem({ schedule, jitter }: JobDefinition): string | undefined {
  switch (schedule.kind) {
    case 'every':
      if (!isWithin(schedule.every, MIN_EVERY, MAX_DURATION)) return 'every must be 1s to 366 days';
      return jitter < schedule.every ? undefined : 'jitter must be shorter than every';
    case 'at':
      return isWithin(schedule.at, 1, MAX_WALL) ? undefined : 'at must be a time';
    case 'cron':
      if (schedule.expression.length > MAX_EXPRESSION)
        return `cron must be at most ${MAX_EXPRESSION} characters`;
      if (schedule.timezone.length > MAX_TIMEZONE)
        return `timezone must be at most ${MAX_TIMEZONE} characters`;
      return cronProblem(schedule.expression, schedule.timezone);
  }
}

function placeProblem({ place: { service, tag } }: JobDefinition): string | undefined {
  if (service !== undefined && tag !== undefined) return 'place must be a service or a tag, not both';
  if (service !== undefined && !SERVICE.test(service)) return 'service must be the name of one';
  if (tag !== undefined && !TAG.test(tag)) return 'tag must be KEY=VALUE';
  return undefined;
}

function actionProblem({ action, place }: JobDefinition): string | undefined {
  if (action.kind === 'command') return undefined;
  const { url } = action;
  if (url.includes(OWN_PORT) && place.service === undefined)
    return `post may have ${OWN_PORT} only with a service, whose port on the agent that runs the tick it is`;
  if (!URL_START.test(url) || !/^[\x21-\x7e]+$/.test(url))
    return 'post must be a URL that begins with http:// or https://, without spaces, user and password';
  return url.length > MAX_URL_BYTES ? `post must be at most ${MAX_URL_BYTES} bytes` : undefined;
}

const isWithin = (value: number, from: number, to: number): boolean =>
  Number.isInteger(value) && value >= from && value <= to;

/** Whether two definitions of one name ask for the same: a configuration that all hosts share is one job. */
export const isSameJob = (a: JobDefinition, b: JobDefinition): boolean =>
  JSON.stringify({ ...a, registeredAt: 0 }) === JSON.stringify({ ...b, registeredAt: 0 });
