/** TXT: a node's metadata, which are its member's tags. */
import { type Item, items, TYPE } from '../message/records.ts';
import type { Ask } from '../zone/zone.ts';

/** One record per tag, `key=value`; keys that start with `rfc1035-` give the value alone. */
export function txt({ subject, type, zone }: Ask): Item[] {
  if (subject.kind !== 'node' || (type !== TYPE.TXT && type !== TYPE.ANY)) return [];
  return items(
    ...[...subject.member.tags].map(([key, value]) => ({
      ttlSeconds: zone.nodeTtlSeconds,
      data: { type: 'TXT', text: Buffer.from(textOf(key, value)) } as const,
    })),
  );
}

/**
 * The backquote quotes: `=` and itself in the key, blanks at the key's ends, and itself in the value.
 *
 * Source: RFC 1464 §2; Consul DNS, node metadata.
 */
export function textOf(key: string, value: string): string {
  if (key.toLowerCase().startsWith('rfc1035-')) return value;
  const quoted = key
    .replace(/[`=]/g, '`$&')
    .replace(/^[ \t]+|[ \t]+$/g, (blanks) => blanks.replace(/[ \t]/g, '`$&'));
  return `${quoted}=${value.replaceAll('`', '``')}`;
}
