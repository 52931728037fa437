/** Dialogs: the element of the browser, which keeps the focus inside and closes at Escape. */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useToken } from '../data/api.ts';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children?: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps): VNode {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return html`<dialog ref=${element} onClose=${onClose} aria-labelledby="dialog-title">
    <h2 id="dialog-title">${title}</h2>
    ${children}
  </dialog>`;
}

/** Asks for a token. It is not stored anywhere: it goes with the page. */
export function TokenDialog({ onDone }: { readonly onDone: () => void }): VNode {
  const [value, setValue] = useState('');
  const accept = (event: Event): void => {
    event.preventDefault();
    if (value.trim() === '') return;
    useToken(value);
    onDone();
  };
  return html`<${Dialog} title="This agent wants a token" onClose=${onDone}>
    <form onSubmit=${accept}>
      <p>It stays in the memory of this page, and goes when you close or reload it.</p>
      <label>Token
        <input type="password" autocomplete="off" value=${value}
          onInput=${(event: InputEvent) => setValue((event.target as HTMLInputElement).value)} />
      </label>
      <div class="buttons">
        <button type="submit" class="primary">Use it</button>
      </div>
    </form>
  <//>`;
}
