/** A change of the cluster: it says what will happen, and happens only when that is confirmed. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError, useToken } from '../data/api.ts';
import { Dialog } from './dialog.ts';
import { Failure } from './pieces.ts';

export interface ConfirmedAction {
  readonly title: string;
  /** What it does to the whole cluster, in sentences. */
  readonly consequence: string;
  /** The word on the button that does it. */
  readonly verb: string;
  /** What is asked for, by name. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Resolves to what has happened. */
  run(values: Readonly<Record<string, string>>): Promise<string>;
}

interface ConfirmProps {
  readonly action: ConfirmedAction;
  readonly onClose: (done: string | undefined) => void;
}

export function Confirm({ action, onClose }: ConfirmProps): VNode {
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [token, setToken] = useState('');
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  const needsToken = error instanceof ApiError && error.status === 403;
  const accept = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (token !== '') useToken(token);
    setBusy(true);
    try {
      onClose(await action.run(values));
    } catch (failure) {
      setError(failure as Error);
      setBusy(false);
    }
  };
  const input = (event: InputEvent): string => (event.target as HTMLInputElement).value;
  return html`<${Dialog} title=${action.title} onClose=${() => onClose(undefined)}>
    <form onSubmit=${accept}>
      <p>${action.consequence}</p>
      ${Object.entries(action.fields ?? {}).map(
        ([name, label]) => html`<label key=${name}>${label}
          <input autocomplete="off" value=${values[name] ?? ''} onInput=${(event: InputEvent) => setValues({ ...values, [name]: input(event) })} />
        </label>`,
      )}
      <${Failure} error=${error} />
      ${
        needsToken &&
        html`<label>Token, kept until this page is closed
          <input type="password" autocomplete="off" value=${token} onInput=${(event: InputEvent) => setToken(input(event))} />
        </label>`
      }
      <div class="buttons">
        <button type="button" onClick=${() => onClose(undefined)}>Cancel</button>
        <button type="submit" class="primary" disabled=${busy}>${action.verb}</button>
      </div>
    </form>
  <//>`;
}
