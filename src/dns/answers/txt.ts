/** TXT: the tags of a node, which are its metadata in Consul's terms. */
import { type AnswerItem, RECORD_TYPE, toAnswerItems } from '../message/records.ts';
import { nodeTtl, type ZoneQuery } from '../zone/zone.ts';

/** One record `key=value` per tag; for keys that start with `rfc1035-` only the value. */
export function answerTxt({ subject, type, zone }: ZoneQuery): AnswerItem[] {
  if (subject.kind !== 'node' || (type !== RECORD_TYPE.TXT && type !== RECORD_TYPE.ANY)) return [];
  const ttlSeconds = nodeTtl(subject.node, zone);
  return toAnswerItems(
    ...[...subject.node.tags].map(([key, value]) => ({
      ttlSeconds,
      data: { type: 'TXT', text: Buffer.from(formatTxtAttribute(key, value)) } as const,
    })),
  );
}

/**
 * `key=value` with the backquote as escape character: it escapes `=` and itself in the key, blanks at the key's ends,
 * and itself in the value.
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
