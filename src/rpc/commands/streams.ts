/** Commands with records that go on until they are stopped: `stream`, `monitor`, `stop`. */

import { formatLogLine } from '../../agent/contract/log-line.ts';
import { AgentError } from '../../base/errors.ts';
import { validateEventFilter } from '../../config/handlers.ts';
import { LOG_LEVELS, type LogLevel } from '../../config/schema.ts';
import { eventType, matchesFilter } from '../../serf/event-filter.ts';
import type { HandlerEvent } from '../../serf/types.ts';
import { toBytes, toInteger } from '../protocol/replies.ts';
import * as requests from '../protocol/requests.ts';
import { command } from './command.ts';
import { toMemberRecord } from './members.ts';

/** Lines from before that a monitor begins with. Source: serf agent, log_writer.go. */
const RECENT_LINES = 512;

export const stream = command({
  scope: 'read',
  request: requests.StreamBody,
  run: ({ seq, body, site, client }) => {
    const filters = parseFilters(body.type);
    let unfollow = (): void => undefined;
    client.streams.open(seq, 'events', () => unfollow());
    return {
      afterwards: () => {
        unfollow = site.events.follow((event) => {
          if (filters.some((filter) => matchesFilter(filter, event)))
            client.sendRecord(seq, toEventRecord(event));
        });
      },
    };
  },
});

/** As for handlers: `member-join,user:deploy`; empty is everything. */
function parseFilters(type: string): readonly string[] {
  const filters = type === '' ? ['*'] : type.split(',');
  try {
    filters.forEach(validateEventFilter);
    return filters;
  } catch {
    throw new AgentError('badRequest', 'Invalid event filter');
  }
}

function toEventRecord(event: HandlerEvent): unknown {
  if (event.kind === 'members')
    return { Event: eventType(event), Members: event.members.map(toMemberRecord) };
  if (event.kind === 'user') {
    const { ltime, name, payload, coalesce } = event.event;
    return {
      ...{ Event: 'user', LTime: toInteger(ltime), Name: name },
      ...{ Payload: toBytes(payload), Coalesce: coalesce },
    };
  }
  const { id, ltime, name, payload } = event.query;
  return { Event: 'query', ID: id, LTime: toInteger(ltime), Name: name, Payload: toBytes(payload) };
}

export const monitor = command({
  scope: 'read',
  request: requests.MonitorBody,
  run: ({ seq, body, site, client }) => {
    const level = parseLevel(body.logLevel);
    let unfollow = (): void => undefined;
    client.streams.open(seq, 'log', () => unfollow());
    const onLine = (json: string): void => client.sendRecord(seq, { Log: toLogText(json) });
    return {
      afterwards: () => {
        unfollow = site.logs.follow(level, onLine, RECENT_LINES);
      },
    };
  },
});

/** Serf's names of levels; ours are read as well. */
function parseLevel(name: string): LogLevel {
  const wanted = name === '' ? 'debug' : name.toLowerCase().replace(/^err$/, 'error');
  const level = LOG_LEVELS.find((one) => one === wanted);
  if (level === undefined) throw new AgentError('badRequest', `Unknown log level: ${name.toUpperCase()}`);
  return level;
}

/** `2026/11/30 20:15:22 [INFO] serf: member joined node=web-1`, in local time, as Serf's lines. */
const toLogText = (json: string): string =>
  formatLogLine(json, (time, level) => {
    const at = new Date(time);
    const two = (part: number): string => String(part).padStart(2, '0');
    const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('/');
    const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
    return `${day} ${clock} [${level.toUpperCase().replace(/^ERROR$/, 'ERR')}]`;
  });

export const stop = command({
  scope: 'read',
  request: requests.StopBody,
  run: ({ body, client }) => {
    client.streams.close(body.stop);
    return undefined;
  },
});
