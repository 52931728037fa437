/** The record types this server answers with. Each handler returns no records for types that are not its own. */
import type { AnswerItem } from '../message/records.ts';
import type { ZoneQuery } from '../zone/zone.ts';
import { answerAddress } from './address.ts';
import { answerNs } from './ns.ts';
import { answerPtr } from './ptr.ts';
import { answerSoa } from './soa.ts';
import { answerSrv } from './srv.ts';
import { answerTxt } from './txt.ts';

export const RECORD_HANDLERS: readonly ((query: ZoneQuery) => AnswerItem[])[] = [
  answerAddress,
  answerSrv,
  answerTxt,
  answerSoa,
  answerNs,
  answerPtr,
];
