/**
 * News as Serf's handler scripts read it: variables and standard input.
 *
 * Source: what `serf agent -event-handler` of Debian's 0.9.4 was seen to hand its scripts.
 */
import { encodeUtf8 } from '../../base/bytes.ts';
import type { HandlerEvent, SerfMember } from '../../serf/types.ts';

/** Who the script runs for. */
export interface LocalNode {
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** `member-join`, `user`, `query`. */
export const eventType = (news: HandlerEvent): string =>
  news.kind === 'members' ? `member-${news.change}` : news.kind;

/** What a user event or a query is called. */
export function eventName(news: HandlerEvent): string | undefined {
  if (news.kind === 'user') return news.event.name;
  return news.kind === 'query' ? news.query.name : undefined;
}

/** Is `news` what a filter such as `user:deploy` is for? */
export function matchesFilter(filter: string, news: HandlerEvent): boolean {
  if (filter === '*') return true;
  const event = eventType(news);
  return filter === event || filter === `${event}:${eventName(news)}`;
}

/** Only our own tags become names; what others say are values, and standard input. */
export function scriptEnvironment(news: HandlerEvent, self: LocalNode): Record<string, string> {
  const env: Record<string, string> = {
    SERF_EVENT: eventType(news),
    SERF_SELF_NAME: self.name,
    SERF_SELF_ROLE: self.tags.get('role') ?? '',
  };
  for (const [tag, value] of self.tags) env[`SERF_TAG_${variable(tag)}`] = value;
  if (news.kind === 'user') {
    env['SERF_USER_EVENT'] = news.event.name;
    env['SERF_USER_LTIME'] = String(news.event.ltime);
  } else if (news.kind === 'query') {
    env['SERF_QUERY_NAME'] = news.query.name;
    env['SERF_QUERY_LTIME'] = String(news.query.ltime);
  }
  // No variable can hold a NUL, and a stranger may have put one into a name.
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replaceAll('\0', '')]));
}

const variable = (tag: string): string => tag.toUpperCase().replace(/[^A-Z0-9_]/g, '_');

/** A line for each member; or the payload, which ends with a line break if there is one at all. */
export function scriptInput(news: HandlerEvent): Uint8Array {
  if (news.kind === 'members') return encodeUtf8(news.members.map(lineOf).join(''));
  const { payload } = news.kind === 'user' ? news.event : news.query;
  if (payload.length === 0 || payload.at(-1) === NEWLINE) return payload;
  const ended = new Uint8Array(payload.length + 1);
  ended.set(payload);
  ended[payload.length] = NEWLINE;
  return ended;
}

const NEWLINE = 0x0a;

/** Name, address, role, tags. */
function lineOf({ name, member, tags }: SerfMember): string {
  const pairs = [...tags].map(([tag, value]) => `${tag}=${value}`).join(',');
  const fields = [name, member.identity.address.host, tags.get('role') ?? '', pairs];
  return `${fields.map(escapeField).join('\t')}\n`;
}

const escapeField = (field: string): string => field.replaceAll('\t', '\\t').replaceAll('\n', '\\n');
