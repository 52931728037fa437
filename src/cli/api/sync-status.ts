/** Sync statuses, as the agent tells them, and how commands print them. */
import * as v from 'valibot';
import { type CliContext, EXIT, printJson } from '../command.ts';
import { sanitize } from '../sanitize.ts';
import type { Client } from './client.ts';
import { parseResponse } from './schemas.ts';

const PartSchema = v.looseObject({ node: v.string(), reason: v.string(), message: v.string() });

const SyncStatusSchema = v.looseObject({
  done: v.boolean(),
  sentence: v.string(),
  known: v.number(),
  expected: v.number(),
  missing: v.array(v.looseObject({ ...PartSchema.entries, forMs: v.number() })),
  apart: v.array(PartSchema),
});
export type SyncStatusReply = v.InferOutput<typeof SyncStatusSchema>;

/** A request waits for less than the client's patience with a silent agent. */
const LONGEST_REQUEST = 40_000;

/** Asks, again and again if `wait` is long, until all agents serve it or the time is over. */
export async function awaitSyncStatus(
  client: Client,
  name: string,
  query: Readonly<Record<string, string>>,
  wait: number,
): Promise<SyncStatusReply> {
  const endsAt = performance.now() + wait;
  for (;;) {
    const left = Math.max(MIN_WAIT, Math.min(LONGEST_REQUEST, endsAt - performance.now()));
    const parameters = new URLSearchParams({ ...query, wait: `${Math.round(left)}ms` });
    const path = `/v1/hearsay/sync-status/${encodeURIComponent(name)}?${parameters}`;
    const status = parseResponse(SyncStatusSchema, await client.get(path, 'slow'), client);
    if (status.done || performance.now() >= endsAt) return status;
  }
}

const MIN_WAIT = 10;

/** Prints the sentence, and who is missing beyond it. Returns the exit code: 4 if an agent is missing. */
export function printSyncStatus(
  { io }: CliContext,
  status: SyncStatusReply,
  options: { readonly json?: boolean },
  more: object = {},
): number {
  if (options.json === true) printJson(io, { ...more, ...status });
  else io.out.write(`${sanitize(status.sentence)}\n`);
  return status.done ? EXIT.done : EXIT.notFound;
}
