/** `/v1/agent/monitor`: the log of this agent, live, at a level that each client chooses. */

import { formatLogLine } from '../../../agent/contract/log-line.ts';
import { AgentError } from '../../../base/errors.ts';
import { LOG_LEVELS, type LogLevel } from '../../../config/schema.ts';
import { flagParam, textParam, uintParam } from '../../endpoint/query.ts';
import { HttpError, StreamReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';
import { createLogStream, type LogLineFormat } from '../../endpoint/streams/log-stream.ts';

/** Each client costs the work of formatting lines, at a level that may be more verbose than the agent's own. */
const MAX_CLIENTS = 16;
const clients = new WeakMap<object, number>();

/**
 * `GET /v1/agent/monitor?loglevel=debug`: endless text, one line per record, from now on; `recent=512`: and the last
 * lines from before. `logjson`: one JSON object per line. A client that reads too slowly loses lines, and the stream reports how many.
 *
 * Source: Consul HTTP API, "Stream Logs".
 */
export const agentMonitor = route({
  method: 'GET',
  scope: 'read',
  path: '/v1/agent/monitor',
  summary: 'The log of this agent, live',
  query: { loglevel: textParam, logjson: flagParam, recent: uintParam },
  handler: ({ query: { loglevel, logjson, recent }, site: { info, blockingQueries }, onDisconnect }) => {
    const { logs } = info;
    const level = parseLogLevel(loglevel);
    if (logs === undefined) throw new AgentError('unavailable', 'The log of this agent cannot be followed');
    const count = clients.get(logs) ?? 0;
    if (count >= MAX_CLIENTS)
      throw new HttpError(429, `Too many clients follow the log: at most ${MAX_CLIENTS} can at once`, {
        'Retry-After': '1',
      });
    blockingQueries.requireRoom();
    clients.set(logs, count + 1);
    const stream = createLogStream({
      ...{ feed: logs, level, recent, format: logjson ? JSON_FORMAT : TEXT_FORMAT },
      ...{ blockingQueries, onDisconnect },
      onEnd: () => clients.set(logs, (clients.get(logs) ?? 1) - 1),
    });
    return new StreamReply(stream, {
      'Content-Type': logjson ? 'application/x-ndjson' : 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
    });
  },
});

/** Consul's clients also write `INFO` and `err`. */
function parseLogLevel(name: string): LogLevel {
  const wanted = name === '' ? 'info' : name.toLowerCase().replace(/^err$/, 'error');
  const level = LOG_LEVELS.find((one) => one === wanted);
  if (level === undefined)
    throw new AgentError('badRequest', `Unknown log level: ${name}: use ${LOG_LEVELS.join(', ')}`);
  return level;
}

const lostMessage = (count: number): string =>
  `${count} lines were lost here: this client reads more slowly than they are written`;

/** `TIME [LEVEL] component: what happened field=value`. */
const formatTextLine = (json: string): string =>
  `${formatLogLine(json, (time, level) => `${time} [${level.toUpperCase()}]`)}\n`;

const JSON_FORMAT: LogLineFormat = {
  formatLine: (json) => json,
  formatLost: (count) => `${JSON.stringify({ level: 'warn', msg: lostMessage(count), lost: count })}\n`,
};
const TEXT_FORMAT: LogLineFormat = {
  formatLine: formatTextLine,
  formatLost: (count) => `[WARN] ${lostMessage(count)}\n`,
};
