/**
 * Queries to recursors: the client's question with a random id and letter case that an off-path attacker cannot know.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { RECORD_TYPE } from '../message/records.ts';
import type { DnsQuestion, DnsRequest } from '../message/request.ts';

/** A query with a well-formed question: no other is forwarded. */
export type ForwardableRequest = DnsRequest & { readonly question: DnsQuestion };

/** One query to one recursor. The response must repeat `id`, and `question` in the same letter case. */
export interface RecursorQuery {
  readonly id: number;
  /** Name, type and class. */
  readonly question: Buffer;
  readonly bytes: Buffer;
}

/**
 * Passes practically any network without IP fragmentation, which would allow forged fragments. Source: DNS Flag Day
 * 2020.
 */
const MAX_UDP_BYTES = 1232;
const CLASSIC_UDP_BYTES = 512;
const RD = 0x0100;
const AD = 0x0020;
const CD = 0x0010;
const DO = 0x8000;

/**
 * Draws the id and the letter case (0x20 encoding) from a CSPRNG. The query has an OPT exactly if the client's had one,
 * so that the response can be passed on; EDNS options are not forwarded.
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
  const randomized = randomizeCase(question.raw);
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(RD | (authenticData ? AD : 0) | (checkingDisabled ? CD : 0), 2);
  header.writeUInt16BE(1, 4);
  if (edns === undefined) return { id, question: randomized, bytes: Buffer.concat([header, randomized]) };
  header.writeUInt16BE(1, 10);
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(RECORD_TYPE.OPT, 1);
  opt.writeUInt16BE(Math.min(MAX_UDP_BYTES, Math.max(CLASSIC_UDP_BYTES, edns.udpPayloadSize)), 3);
  opt.writeUInt16BE(edns.dnssecOk ? DO : 0, 7);
  return { id, question: randomized, bytes: Buffer.concat([header, randomized, opt]) };
}

/** Cache key: equal for queries that differ in letter case only. */
export const questionKey = ({
  question,
  edns,
  authenticData,
  checkingDisabled,
}: ForwardableRequest): string => {
  const flags = `${edns !== undefined}${edns?.dnssecOk ?? false}${authenticData}${checkingDisabled}`;
  return `${lowerCaseQuestion(question.raw).toString('latin1')} ${flags}`;
};

/**
 * Name, type and class with the name in lower case. Length bytes of labels are below every letter, and stay as they
 * are.
 */
export function lowerCaseQuestion(question: Uint8Array): Buffer {
  const out = Buffer.from(question);
  for (let i = 0; i < out.length - 4; i++) if (isLetter(out[i])) out[i] = (out[i] as number) | 0x20;
  return out;
}

/** Letters in the name: each adds one bit of randomness to the letter case. */
export function countLetters(question: Uint8Array): number {
  let letters = 0;
  for (let i = 0; i < question.length - 4; i++) if (isLetter(question[i])) letters++;
  return letters;
}

function randomizeCase(question: Uint8Array): Buffer {
  const out = lowerCaseQuestion(question);
  const random = randomBytes(out.length);
  for (let i = 0; i < out.length - 4; i++)
    if (isLetter(out[i]) && ((random[i] as number) & 1) === 1) out[i] = (out[i] as number) ^ 0x20;
  return out;
}

const isLetter = (byte: number | undefined): boolean =>
  byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
