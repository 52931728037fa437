/** What an owner may publish: checked before it is written, with a sentence for whoever asked. */
import { AgentError } from '../base/errors.ts';
import { type Published, toEntryKey } from '../model/service.ts';
import { entrySize } from '../wire/catalog.ts';
import { MAX_ENTRY_BYTES, MAX_VERSION, validateValue } from '../wire/entry.ts';

export { sameExceptOutput } from './values.ts';

/** Services and checks of one agent. */
export const MAX_LEDGER_ENTRIES = 8192;
/** All of one agent's services and checks, as `weigh` counts them. */
export const MAX_LEDGER_BYTES = 4 * 1024 * 1024;
/** All of all agents' together. */
export const MAX_CATALOG_BYTES = 512 * 1024 * 1024;

/** Throws `AgentError`: nothing was written. The largest legal entry still spreads, over a stream. */
export function validatePublishable(value: Published): void {
  const wrong = validateValue(value);
  const what = `The ${value.kind} ${JSON.stringify(value.id.slice(0, 64))}`;
  if (wrong !== undefined)
    throw new AgentError('badRequest', `${what} was not registered: its ${wrong}. Nothing was changed.`);
  const bytes = entrySize({ key: toEntryKey(value), version: MAX_VERSION, value });
  if (bytes > MAX_ENTRY_BYTES)
    throw new AgentError(
      'tooLarge',
      `${what} takes ${bytes} bytes, and at most ${MAX_ENTRY_BYTES} can be spread: ` +
        'use fewer or shorter tags and meta. Nothing was changed.',
    );
}
