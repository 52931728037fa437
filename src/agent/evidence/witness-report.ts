/**
 * The witness report: what an agent saw itself of a member, as the payload of a query response. It names no observer:
 * that is the agent that sends it, so no report can speak for another agent.
 */
import { copyBytes } from '../../base/bytes.ts';
import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { MAX_RESPONSE_BYTES } from '../../serf/queries/incoming.ts';
import {
  decodeWitnessReport,
  encodeWitnessReport,
  type WitnessReportRow,
} from '../../wire/witness-report.ts';
import type { AttributedEntry, EvidenceEntry, EvidenceKind, NodeEvidence } from '../contract/evidence.ts';
import { CODECS_BY_NUMBER, codecsFor, type FactCodec, type Of, type ReportContext } from './witness-rows.ts';

/** The bytes of a response besides its payload, with the longest name. */
const HEAD_BYTES = 200;
/** More rows than this never fit. */
const MAX_ROWS = 64;

/**
 * The report of `self`: its start, and of what it saw the facts of the highest rank, among these the latest, as many as
 * fit. An agent that knows of an accusation from others alone reports the last such and what followed, and one that has
 * only context its start alone. The start is left out of an incomplete report: it would say that `self` saw no more.
 */
export function buildWitnessReport(
  evidence: NodeEvidence | undefined,
  boot: EvidenceEntry | undefined,
  self: string,
  now: Millis,
): Uint8Array {
  const about = evidence?.node ?? '';
  const rowsOf = (entries: readonly EvidenceEntry[]) =>
    entries.flatMap((entry) => toRows(entry, { from: self, about, at: entry.at }, now));
  const all = rowsOf((evidence?.entries ?? []).filter(({ fact }) => fact.kind !== 'agentStarted'));
  const candidates = chooseRows(all, about === self)
    .sort((a, b) => b.rank - a.rank || a.row.lastAge - b.row.lastAge)
    .slice(0, MAX_ROWS);
  const start = rowsOf(boot === undefined ? [] : [boot]).map(({ row }) => row);
  const rows = [...start];
  let isComplete = evidence?.isComplete ?? true;
  for (const { row, rank } of candidates) {
    rows.push(row);
    if (encodeWitnessReport(rows).length <= MAX_RESPONSE_BYTES - HEAD_BYTES) continue;
    rows.pop();
    if (rank >= ACCUSING) isComplete = false;
  }
  if (!isComplete && about !== self) rows.splice(0, start.length);
  // Rows of one instant stay in the order in which it happened: an accusation, and its end.
  const order = [...start, ...all.map(({ row }) => row)];
  const ordered = order.filter((row) => rows.includes(row)).sort((a, b) => b.age - a.age);
  return copyBytes(encodeWitnessReport(ordered));
}

/** Accusations have this rank or a higher one. */
const ACCUSING = 8;

interface RankedRow {
  readonly rank: number;
  readonly scope: FactCodec<EvidenceKind>['scope'];
  readonly row: WitnessReportRow;
}

/** What is worth a report: all that was seen; else the last accusation that was heard of, with what came after it. */
function chooseRows(rows: readonly RankedRow[], isAccused: boolean): RankedRow[] {
  const heard = rows
    .filter(({ scope }) => scope === 'heard')
    .sort((a, b) => a.row.lastAge - b.row.lastAge)[0];
  const seen = rows.filter((one) => one.scope !== 'heard' || one === heard);
  if (isAccused || rows.some(({ scope }) => scope === undefined)) return seen;
  if (heard === undefined) return [];
  return seen.filter(({ row, rank }) => row.age <= heard.row.age && (row === heard.row || rank >= ACCUSING));
}

function toRows(
  { at, lastAt, count, fact }: EvidenceEntry,
  context: ReportContext,
  now: Millis,
): readonly RankedRow[] {
  for (const { number: kind, rank, scope, pack } of codecsFor(fact.kind)) {
    const fields = pack(fact as Of<EvidenceKind>, context);
    if (fields === undefined) continue;
    const [age, lastAge] = [toWhole(now - at), toWhole(now - lastAt)];
    const row = { kind, age, lastAge, count, numbers: fields.numbers.map(toWhole), texts: fields.texts };
    return [{ rank, scope, row }];
  }
  return [];
}

const toWhole = (value: number): number => Math.max(0, Math.round(value));

/**
 * The report of `from` on `about`, received at `receivedAt`, with times on our clock; `undefined` if it cannot be
 * decoded.
 */
export function readWitnessReport(
  payload: Uint8Array,
  from: string,
  about: string,
  receivedAt: Millis,
): readonly AttributedEntry[] | undefined {
  let rows: readonly WitnessReportRow[];
  try {
    rows = decodeWitnessReport(payload);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return undefined;
  }
  return rows.flatMap(({ kind, age, lastAge, count, numbers, texts }) => {
    const at = receivedAt - age;
    const fact = CODECS_BY_NUMBER.get(kind)?.read({ numbers, texts }, { from, about, at });
    return fact === undefined ? [] : [{ by: from, at, lastAt: receivedAt - lastAge, count, fact }];
  });
}
