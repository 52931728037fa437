/** Asks the agent whether a list that has become empty may be the work of a partition. */
import * as v from 'valibot';
import type { Client } from '../api/client.ts';
import { parseResponse } from '../api/schemas.ts';
import { CliError, EXIT } from '../command.ts';

const HealthSchema = v.looseObject({
  partitionSummary: v.looseObject({ kind: v.string(), sentence: v.string() }),
});

export const EMPTY_OPTION = [
  '--empty <keep|allow>',
  'Whether a partition may leave a service without servers, or the last ones are kept',
  'keep',
] as const;

/** By the option `--empty`: asks why an empty list may not be believed; empty if it may. */
export function createDoubt(client: Client, empty: string): () => Promise<string> {
  if (empty !== 'keep' && empty !== 'allow')
    throw new CliError(EXIT.usage, `--empty: "${empty}" must be keep or allow`);
  return empty === 'allow' ? () => Promise.resolve('') : () => readDoubt(client);
}

async function readDoubt(client: Client): Promise<string> {
  try {
    const body = await client.get('/v1/hearsay/health');
    const { kind, sentence } = parseResponse(HealthSchema, body, client).partitionSummary;
    return kind === 'partition' ? sentence : '';
  } catch (error) {
    return `whether there is a partition is not known: ${(error as Error).message}`;
  }
}
