/** HINFO: the minimal answer to ANY over UDP from outsiders, whose addresses may be forged. */
import { type AnswerItem, toAnswerItems } from '../message/records.ts';
import type { ZoneQuery } from '../zone/zone.ts';

/** Tells that the name exists and must be queried by type. Source: RFC 8482 §4.2. */
export const answerHinfo = ({ zone }: ZoneQuery): AnswerItem[] =>
  toAnswerItems({ ttlSeconds: zone.nodeTtlSeconds, data: { type: 'HINFO', cpu: 'RFC8482', os: '' } });
