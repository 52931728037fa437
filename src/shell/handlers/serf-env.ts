/**
 * Events as Serf's handler scripts get them: environment variables and standard input.
 *
 * Source: observed with `serf agent -event-handler` of Debian's Serf 0.9.4.
 */
import { concatBytes, encodeUtf8 } from '../../base/bytes.ts';
import { eventType } from '../../serf/event-filter.ts';
import type { HandlerEvent, SerfMember } from '../../serf/types.ts';

/** The node that the handler runs on. */
export interface LocalNode {
  readonly name: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** Only tags of this node become variable names. What other members send is in values and on standard input. */
export function scriptEnvironment(event: HandlerEvent, self: LocalNode): Record<string, string> {
  const env: Record<string, string> = {
    SERF_EVENT: eventType(event),
    SERF_SELF_NAME: self.name,
    SERF_SELF_ROLE: self.tags.get('role') ?? '',
  };
  for (const [tag, value] of self.tags) env[`SERF_TAG_${toVariableName(tag)}`] = value;
  if (event.kind === 'user') {
    env['SERF_USER_EVENT'] = event.event.name;
    env['SERF_USER_LTIME'] = String(event.event.ltime);
  } else if (event.kind === 'query') {
    env['SERF_QUERY_NAME'] = event.query.name;
    env['SERF_QUERY_LTIME'] = String(event.query.ltime);
  }
  // A variable cannot hold a NUL, and a name from an untrusted sender may.
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value.replaceAll('\0', '')]));
}

const toVariableName = (tag: string): string => tag.toUpperCase().replace(/[^A-Z0-9_]/g, '_');

/** A line for each member, or the payload with a line break at its end; an empty payload stays empty. */
export function scriptInput(event: HandlerEvent): Uint8Array {
  if (event.kind === 'members') return encodeUtf8(event.members.map(formatMember).join(''));
  const { payload } = event.kind === 'user' ? event.event : event.query;
  if (payload.length === 0 || payload.at(-1) === NEWLINE) return payload;
  return concatBytes([payload, Uint8Array.of(NEWLINE)]);
}

const NEWLINE = 0x0a;

/** Name, address, role and tags, separated by tabs. */
function formatMember({ name, member, tags }: SerfMember): string {
  const pairs = [...tags].map(([tag, value]) => `${tag}=${value}`).join(',');
  const fields = [name, member.identity.address.host, tags.get('role') ?? '', pairs];
  return `${fields.map(escapeField).join('\t')}\n`;
}

const escapeField = (field: string): string => field.replaceAll('\t', '\\t').replaceAll('\n', '\\n');
