/** Gossip keys, by their fingerprints: which members have them, and the three steps of a rotation. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { getApi, putApi } from '../data/api.ts';
import type { InfoJson } from '../data/types.ts';
import type { ConfirmedAction } from '../parts/confirm.ts';
import { plural } from '../parts/text.ts';

/** `/v1/hearsay/key-reports/ID`. */
interface KeyReportJson {
  readonly id: number;
  readonly finished: boolean;
  readonly members: number;
  readonly answered: number;
  readonly unresponsive: readonly string[];
  readonly errors: Readonly<Record<string, string>>;
  readonly keys: Readonly<Record<string, number>>;
  readonly primaries: Readonly<Record<string, number>>;
  readonly refusal: string | null;
}

type KeyOperationName = 'list' | 'install' | 'use' | 'remove';

const CONSEQUENCES: Readonly<Record<KeyOperationName, string>> = {
  list: 'All members are asked which keys they have. Nothing is changed.',
  install: 'All members take the key into their keyring. Nothing is encrypted with it yet.',
  use: 'All members encrypt with this key from now on. It must have been installed at all of them.',
  remove:
    'All members drop this key. A member that has no other key in common with them is cut off from the cluster.',
};

interface KeyActionsProps {
  readonly info: InfoJson | undefined;
  readonly start: (action: ConfirmedAction) => void;
}

export function KeyActions({ info, start }: KeyActionsProps): VNode {
  const [report, setReport] = useState<KeyReportJson>();
  const action = (operation: KeyOperationName, title: string, key?: string): ConfirmedAction => ({
    title,
    consequence: CONSEQUENCES[operation],
    verb: { list: 'Ask', install: 'Install', use: 'Use', remove: 'Remove' }[operation],
    ...(operation === 'install' ? { fields: { key: 'Key in base64, as `hearsay keygen` prints it' } } : {}),
    run: async (values) => {
      const ended = await operate(operation, key ?? values['key']);
      setReport(operation === 'list' ? ended : await operate('list', undefined));
      return `${ended.answered} of ${plural(ended.members, 'member')} answered.`;
    },
  });
  if (info?.encrypted !== true)
    return html`<section aria-labelledby="keys"><h2 id="keys">Gossip keys</h2>
      <p class="quiet">Gossip is not encrypted, so there are no keys.</p></section>`;
  const keys = Object.entries(report?.keys ?? {});
  return html`<section aria-labelledby="keys">
    <h2 id="keys">Gossip keys</h2>
    <ul class="rows">
      ${keys.map(
        ([print, count]) => html`<li key=${print}>
          <span class="grow"><code>${print}</code> <span class="quiet">${count} of ${report?.members} have it${(report?.primaries[print] ?? 0) > 0 && `, ${report?.primaries[print]} use it`}</span></span>
          <button type="button" class="small" onClick=${() => start(action('use', `Use the key ${print}?`, print))}>Use</button>
          <button type="button" class="small danger" onClick=${() => start(action('remove', `Remove the key ${print}?`, print))}>Remove</button>
        </li>`,
      )}
      <li>
        <button type="button" class="small" onClick=${() => start(action('list', 'List the keys'))}>List the keys</button>
        <button type="button" class="small" onClick=${() => start(action('install', 'Install a key'))}>Install a key</button>
      </li>
    </ul>
  </section>`;
}

/** Resolves when all members have answered; rejects with what went wrong. */
async function operate(operation: KeyOperationName, key: string | undefined): Promise<KeyReportJson> {
  let report = await putApi<KeyReportJson>(`/v1/hearsay/keys/${operation}`, key === undefined ? {} : { key });
  while (report !== undefined && !report.finished) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    report = await getApi<KeyReportJson>(`/v1/hearsay/key-reports/${report.id}`);
  }
  if (report === undefined) throw new Error('The agent told nothing of the operation');
  const problems = [
    ...(report.refusal === null ? [] : [report.refusal]),
    ...Object.entries(report.errors).map(([node, error]) => `${node}: ${error}`),
    ...(report.unresponsive.length === 0 ? [] : [`no answer from ${report.unresponsive.join(', ')}`]),
  ];
  if (problems.length > 0) throw new Error(problems.join('; '));
  return report;
}
