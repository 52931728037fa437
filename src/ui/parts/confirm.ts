/** A change of the cluster: it says what will happen, and happens only when that is confirmed. And the question for a token. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, useToken } from '../data/api.ts';
import { Failure } from './pieces.ts';

export interface ConfirmedAction {
  readonly title: string;
  /** What it does to the whole cluster, in sentences. */
  readonly consequence: string;
  /** The word on the button that does it. */
  readonly verb: string;
  /** What is asked for, by name. All requests from then on carry what is given as `token`. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Resolves to what has happened. */
  run(values: Readonly<Record<string, string>>): Promise<string>;
}

interface ConfirmProps {
  readonly action: ConfirmedAction;
  readonly onClose: (done: string | undefined) => void;
}

/** The dialog is the element of the browser, which keeps the focus inside and closes at Escape. */
export function Confirm({ action, onClose }: ConfirmProps): VNode {
  const element = useRef<HTMLDialogElement>(null);
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const [error, setError] = useState<Error>();
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  const needsToken = error instanceof ApiError && error.status === 403;
  const fields = { ...action.fields, ...(needsToken && { token: 'Token, kept until this page is closed' }) };
  const accept = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (values['token'] !== undefined) useToken(values['token']);
    setBusy(true);
    try {
      onClose(await action.run(values));
    } catch (failure) {
      setError(failure as Error);
      setBusy(false);
    }
  };
  const input = ({ target }: InputEvent): void =>
    setValues({ ...values, [(target as HTMLInputElement).name]: (target as HTMLInputElement).value });
  return html`<dialog ref=${element} onClose=${() => onClose(undefined)} aria-labelledby="dialog-title">
    <h2 id="dialog-title">${action.title}</h2>
    <form onSubmit=${accept}>
      <p>${action.consequence}</p>
      ${Object.entries(fields).map(
        ([name, label]) => html`<label key=${name}>${label}
          <input name=${name} type=${name === 'token' ? 'password' : 'text'} required=${name === 'token'} autocomplete="off" value=${values[name] ?? ''} onInput=${input} />
        </label>`,
      )}
      <${Failure} error=${error} />
      <div class="buttons">
        <button type="button" onClick=${() => onClose(undefined)}>Cancel</button>
        <button type="submit" class="primary" disabled=${busy}>${action.verb}</button>
      </div>
    </form>
  </dialog>`;
}

/** It is not stored anywhere: it goes with the page. */
const GIVE_TOKEN: ConfirmedAction = {
  title: 'This agent wants a token',
  consequence: 'It stays in the memory of this page, and goes when you close or reload it.',
  verb: 'Use it',
  fields: { token: 'Token' },
  run: async () => '',
};

export const TokenDialog = ({ onDone }: { readonly onDone: () => void }): VNode =>
  html`<${Confirm} action=${GIVE_TOKEN} onClose=${onDone} />`;
