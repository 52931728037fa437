/** Checks with their outputs in full. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { State } from '../parts/mark.ts';

/** A check of `/v1/health`. */
export interface CheckJson {
  readonly Node: string;
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: string;
  readonly Notes: string;
  readonly Output: string;
  readonly ServiceID: string;
  readonly Type: string;
}

export function CheckList({ checks }: { readonly checks: readonly CheckJson[] }): VNode {
  return html`<ul class="rows">
    ${checks.map((check) => {
      const { CheckID, Name, Status, Notes, Output, ServiceID, Type } = check;
      const output = [Notes, Output].filter((text) => text.trim() !== '').join('\n');
      return html`<li key=${CheckID}>
        <${State} state=${Status} /><strong>${Name || CheckID}</strong>
        <span class="quiet">${[Name === CheckID ? '' : CheckID, ServiceID === '' ? 'of the node' : ServiceID, Type].filter(Boolean).join(' · ')}</span>
        ${output !== '' && html`<pre tabindex="0">${output}</pre>`}
      </li>`;
    })}
    ${checks.length === 0 && html`<li class="quiet">None.</li>`}
  </ul>`;
}
