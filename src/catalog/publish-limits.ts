/** What an owner may publish: checked before it is written, with a sentence for whoever asked. */
import { AgentError } from '../base/errors.ts';
import { keyOf, type Published } from '../model/service.ts';
import { entryBytes } from '../wire/catalog.ts';
import { flaw, MAX_COUNT, MAX_ENTRY_BYTES } from '../wire/entry.ts';

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
