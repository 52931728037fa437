/** What we ask a recursor: the asker's question under an id and a spelling that nobody else can know. */
import { randomBytes, randomInt } from 'node:crypto';
import { RECORD_TYPE } from '../message/records.ts';
import type { DnsQuestion, DnsRequest } from '../message/request.ts';

/** A question that came whole: only such are asked on. */
export type ForwardableRequest = DnsRequest & { readonly question: DnsQuestion };

/** One question as one recursor gets it. The answer must repeat `id` and `question`, letter by letter. */
export interface RecursorQuery {
  readonly id: number;
  /** Name, type and class. */
  readonly question: Buffer;
  readonly bytes: Buffer;
}

/** What passes any network in one piece; pieces could be forged one by one. Source: DNS Flag Day 2020. */
const MAX_UDP_BYTES = 1232;
const PLAIN_BYTES = 512;
const RD = 0x0100;
const AD = 0x0020;
const CD = 0x0010;
const DO = 0x8000;

/**
 * Id and spelling from a CSPRNG. Asks with an OPT if the asker did, so that the answer has one exactly then; its options
 * stay here.
 *
 * Source: RFC 5452 §9; draft-vixie-dnsext-dns0x20.
 */
export function createRecursorQuery({
  question,
  edns,
  authenticData,
  checkingDisabled,
}: ForwardableRequest): RecursorQuery {
  const id = randomInt(0x1_0000);
  const spelled = randomizeCase(question.raw);
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(RD | (authenticData ? AD : 0) | (checkingDisabled ? CD : 0), 2);
  header.writeUInt16BE(1, 4);
  if (edns === undefined) return { id, question: spelled, bytes: Buffer.concat([header, spelled]) };
  header.writeUInt16BE(1, 10);
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(RECORD_TYPE.OPT, 1);
  opt.writeUInt16BE(Math.min(MAX_UDP_BYTES, Math.max(PLAIN_BYTES, edns.udpPayloadSize)), 3);
  opt.writeUInt16BE(edns.dnssecOk ? DO : 0, 7);
  return { id, question: spelled, bytes: Buffer.concat([header, spelled, opt]) };
}

/** Questions with one answer: the same but for the letters' case. */
export const questionKey = ({
  question,
  edns,
  authenticData,
  checkingDisabled,
}: ForwardableRequest): string => {
  const flags = `${edns !== undefined}${edns?.dnssecOk ?? false}${authenticData}${checkingDisabled}`;
  return `${lowerCaseQuestion(question.raw).toString('latin1')} ${flags}`;
};

/** Name, type and class with the name in lower case. Lengths of labels are below every letter. */
export function lowerCaseQuestion(question: Uint8Array): Buffer {
  const out = Buffer.from(question);
  for (let i = 0; i < out.length - 4; i++) if (isLetter(out[i])) out[i] = (out[i] as number) | 0x20;
  return out;
}

/** How many letters a spelling can play with. */
export function countLetters(question: Uint8Array): number {
  let letters = 0;
  for (let i = 0; i < question.length - 4; i++) if (isLetter(question[i])) letters++;
  return letters;
}

function randomizeCase(question: Uint8Array): Buffer {
  const out = lowerCaseQuestion(question);
  const coins = randomBytes(out.length);
  for (let i = 0; i < out.length - 4; i++)
    if (isLetter(out[i]) && ((coins[i] as number) & 1) === 1) out[i] = (out[i] as number) ^ 0x20;
  return out;
}

const isLetter = (octet: number | undefined): boolean =>
  octet !== undefined && (octet | 0x20) >= 0x61 && (octet | 0x20) <= 0x7a;
