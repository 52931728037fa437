/** TXT: a node's metadata, which are its member's tags. */
import { type AnswerItem, RECORD_TYPE, toAnswerItems } from '../message/records.ts';
import type { ZoneQuery } from '../zone/zone.ts';

/** One record per tag, `key=value`; keys that start with `rfc1035-` give the value alone. */
export function answerTxt({ subject, type, zone }: ZoneQuery): AnswerItem[] {
  if (subject.kind !== 'node' || (type !== RECORD_TYPE.TXT && type !== RECORD_TYPE.ANY)) return [];
  return toAnswerItems(
    ...[...subject.member.tags].map(([key, value]) => ({
      ttlSeconds: zone.nodeTtlSeconds,
      data: { type: 'TXT', text: Buffer.from(formatTxtAttribute(key, value)) } as const,
    })),
  );
}

/**
 * The backquote quotes: `=` and itself in the key, blanks at the key's ends, and itself in the value.
 *
 * Source: RFC 1464 §2; Consul DNS, node metadata.
 */
export function formatTxtAttribute(key: string, value: string): string {
  if (key.toLowerCase().startsWith('rfc1035-')) return value;
  const quoted = key
    .replace(/[`=]/g, '`$&')
    .replace(/^[ \t]+|[ \t]+$/g, (blanks) => blanks.replace(/[ \t]/g, '`$&'));
  return `${quoted}=${value.replaceAll('`', '``')}`;
}
