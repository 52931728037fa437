/** A line of the agent's log, as `/v1/agent/monitor?logjson` sends it. */

/** One line of the log. `fields` are those that belong to what happened, as `node` or `check`. */
export interface LogLine {
  readonly key: number;
  readonly at: number;
  readonly level: string;
  readonly component: string;
  readonly message: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly tone: 'good' | 'odd' | 'bad' | 'quiet';
}

/** `undefined` for what is no line of the log. */
export function parseLine(text: string, key: number): LogLine | undefined {
  try {
    const { level = 'info', time, component = '', msg, ...rest } = JSON.parse(text);
    if (typeof msg !== 'string') return undefined;
    const fields = new Map(
      Object.entries(rest).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : JSON.stringify(value),
      ]),
    );
    const at = time === undefined ? Date.now() : Date.parse(time);
    const line = { key, at, level, component, message: msg, fields };
    return { ...line, tone: toneOf(line) };
  } catch {
    return undefined;
  }
}

const GOOD = /^(?:member (?:joined|returned)|suspicion cleared|all members)/;
const BAD = /^(?:member (?:failed|declared)|check (?:expired|TTL expired|timed out))/;

function toneOf({ level, message, fields }: Pick<LogLine, 'level' | 'message' | 'fields'>): LogLine['tone'] {
  const to = fields.get('to');
  if (level === 'error' || level === 'fatal' || BAD.test(message) || to === 'critical') return 'bad';
  if (level === 'warn' || message === 'member suspected' || to === 'warning') return 'odd';
  return GOOD.test(message) || to === 'passing' ? 'good' : 'quiet';
}
