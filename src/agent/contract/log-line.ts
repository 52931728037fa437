/** A line of the log, which is JSON, as text for people. */
import * as v from 'valibot';

const Line = v.looseObject({ level: v.string(), time: v.string(), msg: v.optional(v.string(), '') });

/**
 * `HEAD component: what happened field=value`, without a line break; `head` writes time and level. What is no line of the
 * log stays as it is.
 */
export function formatLogLine(json: string, head: (time: string, level: string) => string): string {
  const parsed = v.safeParse(Line, JSON.parse(json));
  if (!parsed.success) return json.trimEnd();
  const { level, time, msg, component, ...fields } = parsed.output;
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${formatFieldValue(value)}`);
  const from = typeof component === 'string' ? `${component}: ` : '';
  return `${head(time, level)} ${from}${msg}${pairs.join('')}`;
}

const formatFieldValue = (value: unknown): string =>
  typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
