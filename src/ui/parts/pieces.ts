/** Small pieces that several views use. */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';

/** Names and values, as of a node or an instance. */
export function FactList({
  facts,
}: {
  readonly facts: readonly (readonly [string, ComponentChildren])[];
}): VNode {
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export const Chips = ({ words }: { readonly words: readonly string[] }): VNode =>
  html`<span>${words.map((word) => html`<span class="chip" key=${word}>${word}</span>`)}</span>`;

/** `key=value`, as the command line writes tags. */
export const toPairs = (map: Readonly<Record<string, string>>): string[] =>
  Object.entries(map).map(([key, value]) => (value === '' ? key : `${key}=${value}`));

interface SearchProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
}

export const Search = ({ label, value, onValue }: SearchProps): VNode =>
  html`<input class="grow" type="search" aria-label=${label} placeholder=${`${label}  ( / )`} value=${value} spellcheck=${false}
    onInput=${(event: InputEvent) => onValue((event.target as HTMLInputElement).value)} />`;

/** A text with a button that copies it; where a page may not write to the clipboard, it selects the text. */
export function Copyable({ text }: { readonly text: string }): VNode {
  const [done, setDone] = useState(false);
  const copy = (event: MouseEvent): void => {
    const code = (event.target as Element).previousElementSibling;
    if (code !== null) getSelection()?.selectAllChildren(code);
    navigator.clipboard?.writeText(text).then(
      () => setDone(true),
      () => undefined,
    );
  };
  return html`<span class="copyable"><code>${text}</code><button type="button" class="small" aria-label=${`Copy ${text}`} onClick=${copy}>${done ? 'copied' : 'copy'}</button></span>`;
}

/** What the agent refused, in its own words. */
export const Failure = ({ error }: { readonly error: Error | undefined }): VNode | null =>
  error === undefined ? null : html`<p class="note bad" role="alert">${error.message}</p>`;
