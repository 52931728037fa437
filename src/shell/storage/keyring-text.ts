/**
 * The text of a keyring file: a JSON array. It is read by hand, since Node's parser quotes the text in its messages, and so a
 * key, and knows no lines.
 */

/** An entry of the array, and the line on which it begins. */
export interface KeyringEntry {
  readonly value: string;
  readonly line: number;
}

/** The entries in their order, or the line and the clause of what is wrong. The clause never quotes the text. */
export type KeyringText =
  | { readonly entries: readonly KeyringEntry[] }
  | { readonly line: number; readonly problem: string };

/** A token of JSON; all else is one that no JSON has. Strings may be unfinished. */
const TOKEN = /[[\],]|"(?:[^"\\\n]|\\.)*"?|[^\s[\],"]+/g;
const WHOLE_STRING = /^"(?:[^"\\]|\\.)*"$/;

const FORMAT = 'write a JSON array with at least one base64 key, the primary first';

export function parseKeyringText(text: string): KeyringText {
  const entries: KeyringEntry[] = [];
  let wanted: 'start' | 'first' | 'entry' | 'separator' | 'end' = 'start';
  let line = 1;
  let from = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    line += countNewlines(text.slice(from, index));
    from = index;
    const fail = (problem: string): KeyringText => ({ line, problem });
    if (wanted === 'start') {
      if (token !== '[') return fail(FORMAT);
      wanted = 'first';
    } else if (wanted === 'end') return fail('there is something after the end of the array');
    else if (wanted === 'separator') {
      if (token !== ',' && token !== ']') return fail('there must be a comma or ] before this entry');
      wanted = token === ',' ? 'entry' : 'end';
    } else if (token === ']' && wanted === 'first') wanted = 'end';
    else if (token === ',' || token === ']') return fail(`there must be a key before this ${token}`);
    else {
      if (!token.startsWith('"')) return fail(`entry ${entries.length + 1} is not a string`);
      const value = decodeString(token);
      if (value === undefined) return fail('a key has no closing quote');
      entries.push({ value, line });
      wanted = 'separator';
    }
  }
  if (wanted === 'start') return { line, problem: `it is empty: ${FORMAT}` };
  if (wanted !== 'end') return { line, problem: 'the array has no closing ]' };
  return entries.length > 0 ? { entries } : { line, problem: `there is no key in it: ${FORMAT}` };
}

/** Escapes are decoded: Serf's files may have `\/` for a slash. */
function decodeString(token: string): string | undefined {
  if (!WHOLE_STRING.test(token)) return undefined;
  try {
    return JSON.parse(token) as string;
  } catch {
    return undefined;
  }
}

const countNewlines = (text: string): number => text.split('\n').length - 1;
