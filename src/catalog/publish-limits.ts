/** What an owner may publish: checked before it is written, with a sentence for whoever asked. */
import { AgentError } from '../base/errors.ts';
import { entryBytes } from '../wire/catalog.ts';
import { flaw, MAX_COUNT, MAX_ENTRY_BYTES } from '../wire/entry.ts';
import { type Check, keyOf, MAX_GOSSIP_OUTPUT_BYTES, type Published } from './types.ts';

export { sameButOutput } from './values.ts';

/** Services and checks of one agent. */
export const MAX_ENTRIES = 8192;
/** All of one agent's services and checks, as `weigh` counts them. */
export const MAX_LEDGER_BYTES = 4 * 1024 * 1024;
/** All of all agents' together. */
export const MAX_CATALOG_BYTES = 512 * 1024 * 1024;

/** Throws `AgentError`: nothing was written. The largest legal entry still spreads, over a stream. */
export function checkPublishable(value: Published): void {
  const wrong = flaw(value);
  const what = `The ${value.kind} ${JSON.stringify(value.id.slice(0, 64))}`;
  if (wrong !== undefined)
    throw new AgentError('badRequest', `${what} was not registered: its ${wrong}. Nothing was changed.`);
  const bytes = entryBytes({ key: keyOf(value), version: MAX_COUNT, value });
  if (bytes > MAX_ENTRY_BYTES)
    throw new AgentError(
      'tooLarge',
      `${what} takes ${bytes} bytes, and at most ${MAX_ENTRY_BYTES} can be spread: ` +
        'use fewer or shorter tags and meta. Nothing was changed.',
    );
}

/** The check as others get it: its output cut to what is gossiped, without half a character at the end. */
export function trimmed(check: Check): Check {
  const output = trimOutput(check.output);
  return output === check.output ? check : { ...check, output };
}

/** The first bytes of a text, well formed; what a lone surrogate stood for becomes U+FFFD. */
export function trimOutput(output: string, maxBytes = MAX_GOSSIP_OUTPUT_BYTES): string {
  const start = output.slice(0, maxBytes); // a unit is at least one byte
  const octets = encoder.encode(start);
  if (octets.length <= maxBytes && !SURROGATE.test(start)) return start;
  let end = Math.min(maxBytes, octets.length);
  while (end > 0 && end < octets.length && ((octets[end] as number) & 0xc0) === 0x80) end--;
  return decoder.decode(octets.subarray(0, end));
}

const SURROGATE = /\p{Cs}/u;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
