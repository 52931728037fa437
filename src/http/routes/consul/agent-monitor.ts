/** `/v1/agent/monitor`: the log of this agent, live, at a level of the client's own. */
import * as v from 'valibot';
import { AgentError } from '../../../base/errors.ts';
import { LOG_LEVELS, type LogLevel } from '../../../config/schema.ts';
import { createLogStream } from '../../endpoint/log-stream.ts';
import { flagParam, textParam } from '../../endpoint/query.ts';
import { HttpError, StreamReply } from '../../endpoint/reply/reply.ts';
import { route } from '../../endpoint/route.ts';

/** Each costs the work of writing lines that nobody else may want. */
const MAX_CLIENTS = 16;
const clients = new WeakMap<object, number>();

/**
 * `GET /v1/agent/monitor?loglevel=debug`: endless text, one line per record, from now on. `logjson`: a JSON object each.
 * A client that reads too slowly loses lines, and is told how many.
 *
 * Source: Consul HTTP API, "Stream Logs".
 */
export const agentMonitor = route({
  method: 'GET',
  path: '/v1/agent/monitor',
  summary: 'The log of this agent, live',
  query: { loglevel: textParam, logjson: flagParam },
  handler: ({ query: { loglevel, logjson }, site, onDisconnect: gone }) => {
    const { logs } = site.info;
    const level = parseLogLevel(loglevel);
    if (logs === undefined) throw new AgentError('unavailable', 'The log of this agent cannot be followed');
    const held = clients.get(logs) ?? 0;
    if (held >= MAX_CLIENTS)
      throw new HttpError(429, `Too many follow the log: at most ${MAX_CLIENTS} can at once`, {
        'Retry-After': '1',
      });
    clients.set(logs, held + 1);
    const words = logjson ? AS_JSON : AS_TEXT;
    const stream = createLogStream(
      { feed: logs, level, ...words, watchers: site.blockingQueries, gone },
      () => clients.set(logs, (clients.get(logs) ?? 1) - 1),
    );
    return new StreamReply(stream, {
      'Content-Type': logjson ? 'application/x-ndjson' : 'text/plain; charset=utf-8',
      'Cache-Control': 'no-store',
    });
  },
});

/** Consul's clients write `INFO` and `err`, too. */
function parseLogLevel(asked: string): LogLevel {
  const word = asked === '' ? 'info' : asked.toLowerCase().replace(/^err$/, 'error');
  const level = LOG_LEVELS.find((one) => one === word);
  if (level === undefined)
    throw new AgentError('badRequest', `Unknown log level: ${asked}: use ${LOG_LEVELS.join(', ')}`);
  return level;
}

const formatLostLines = (count: number): string =>
  `${count} lines were lost here: this client reads more slowly than they come`;
const AS_JSON = {
  line: (json: string) => json,
  lost: (count: number) => `${JSON.stringify({ level: 'warn', msg: formatLostLines(count), lost: count })}\n`,
};
const AS_TEXT = { line: formatTextLine, lost: (count: number) => `[WARN] ${formatLostLines(count)}\n` };

const Line = v.looseObject({ level: v.string(), time: v.string(), msg: v.optional(v.string(), '') });

/** `TIME [LEVEL] component: what happened field=value`. */
function formatTextLine(json: string): string {
  const parsed = v.safeParse(Line, JSON.parse(json));
  if (!parsed.success) return json;
  const { level, time, msg, component, ...fields } = parsed.output;
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${formatFieldValue(value)}`);
  const from = typeof component === 'string' ? `${component}: ` : '';
  return `${time} [${level.toUpperCase()}] ${from}${msg}${pairs.join('')}\n`;
}

const formatFieldValue = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
