/** HINFO: the short answer to ANY for strangers, who might be someone else's forged address. */
import { type AnswerItem, toAnswerItems } from '../message/records.ts';
import type { ZoneQuery } from '../zone/zone.ts';

/** "There is something, ask for it by its type." Source: RFC 8482 §4.2. */
export const answerHinfo = ({ zone }: ZoneQuery): AnswerItem[] =>
  toAnswerItems({ ttlSeconds: zone.nodeTtlSeconds, data: { type: 'HINFO', cpu: 'RFC8482', os: '' } });
