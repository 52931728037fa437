/** Every type of record we can answer with: each a function from question to records, empty if it is not its turn. */
import type { AnswerItem } from '../message/records.ts';
import type { ZoneQuery } from '../zone/zone.ts';
import { answerAddress } from './address.ts';
import { answerNs } from './ns.ts';
import { answerPtr } from './ptr.ts';
import { answerSoa } from './soa.ts';
import { answerSrv } from './srv.ts';
import { answerTxt } from './txt.ts';

export const RECORD_HANDLERS: readonly ((ask: ZoneQuery) => AnswerItem[])[] = [
  answerAddress,
  answerSrv,
  answerTxt,
  answerSoa,
  answerNs,
  answerPtr,
];
