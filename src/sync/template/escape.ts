/**
 * How a value is written so that it stays what it is, a value: whoever registers a service chooses its names, tags and meta. What
 * must be escaped depends on the syntax of the file, and there on the place: in quotes, in a comment, or outside of both.
 */

/** `edge`: outside of quotes, and whether in a word is not known, as after a section. */
export type ValuePlace = 'bare' | 'word' | 'edge' | 'double' | 'single' | 'comment';

export interface Syntax {
  /** The place after some text of the template. Throws with a clause if values after it could not be kept in their place. */
  follow(place: ValuePlace, text: string): ValuePlace;
  write(place: ValuePlace, value: string | number): string;
}

/** Percent-encoding, as in URLs: of what is left no syntax makes anything but a part of a word, in whatever quotes. */
const toWord = (text: string): string =>
  /^\[[\da-f:.]+\](?::\d+)?$/.test(text) // an IPv6 address with its port
    ? text
    : text.replace(/[^\p{L}\p{N}._:/@=,-]/gu, encodeCharacter);

const encodeCharacter = (character: string): string =>
  [...new TextEncoder().encode(character)]
    .map((octet) => `%${octet.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');

/** Not all shells can write line breaks and control characters. */
const toOneLine = (text: string): string =>
  text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').replace(/\p{Cs}/gu, '\ufffd');

const toShellWord = (text: string): string =>
  /^[\w./:@%+,-]+$/.test(text) ? text : `'${insideSingle(toOneLine(text))}'`;
const insideSingle = (text: string): string => text.replaceAll("'", `'\\''`);

const WORD: Syntax = { follow: (place) => place, write: (_place, value) => toWord(String(value)) };

/** nginx refuses a word of more than 4,096 octets, and with it the file: no value that somebody registers may do that. */
const LONGEST_IN_NGINX = 1024;
const NGINX: Syntax = {
  follow: (place) => place,
  write: (_place, value) => toWord(String(value)).slice(0, LONGEST_IN_NGINX),
};

/** A backslash would escape the first character of what follows, which may be the one that escapes the value. */
const ESCAPED = 'a backslash stands right before a tag: leave it out';

const JSON_SYNTAX: Syntax = {
  follow: (place, text) => {
    let isOpen = place === 'double';
    for (let i = 0; i < text.length; i++)
      if (text[i] === '"') isOpen = !isOpen;
      else if (text[i] === '\\' && isOpen) {
        i += 1;
        if (i === text.length) throw new Error(ESCAPED);
      }
    return isOpen ? 'double' : 'bare';
  },
  write: (place, value) => {
    const written = JSON.stringify(value);
    return place === 'double' && typeof value === 'string' ? written.slice(1, -1) : written;
  },
};

/** What hides quotes in quotes, so that a place could not be told. `${NAME}` does not. */
const NESTED = /`|\$\(|\$'|\$"|<<|\$\{(?!\w+\})/;

const SHELL: Syntax = {
  follow: (place, text) => {
    const nested = NESTED.exec(text)?.[0];
    if (nested !== undefined)
      throw new Error(
        `${nested} may hide quotes, so that a value could get out of its place: put the value into a variable first, in a line of its own`,
      );
    if (place === 'edge' && text.startsWith('#'))
      throw new Error('# after a section may begin a comment or not: put a blank or a line break before it');
    let state: ShellState = { place, isEscaped: false };
    for (const character of text) state = followShell(state, character);
    if (state.isEscaped) throw new Error(ESCAPED);
    if (text.endsWith('$') && state.place !== 'single' && state.place !== 'comment')
      throw new Error('$ stands right before a tag, and would make a variable of it: leave it out');
    return state.place;
  },
  write: (place, value) => {
    const text = String(value);
    if (place === 'double') return toOneLine(text).replace(/["$`\\]/g, '\\$&');
    if (place === 'single') return insideSingle(toOneLine(text));
    return place === 'comment' ? toOneLine(text) : toShellWord(text);
  },
};

interface ShellState {
  readonly place: ValuePlace;
  /** The next character is only itself. */
  readonly isEscaped: boolean;
}

function followShell({ place, isEscaped }: ShellState, character: string): ShellState {
  const at = (next: ValuePlace): ShellState => ({ place: next, isEscaped: false });
  if (place === 'comment') return at(character === '\n' ? 'bare' : place);
  if (place === 'single') return at(character === "'" ? 'word' : place);
  if (isEscaped) return at(place === 'double' ? place : 'word');
  if (character === '\\') return { place, isEscaped: true };
  if (place === 'double') return at(character === '"' ? 'word' : place);
  if (character === '"') return at('double');
  if (character === "'") return at('single');
  if (character === '#' && place === 'bare') return at('comment');
  return at(/[\s;&|()<>]/.test(character) ? 'bare' : 'word');
}

/** By the value of `--escape`. */
export const SYNTAXES = {
  word: WORD,
  nginx: NGINX,
  json: JSON_SYNTAX,
  shell: SHELL,
} as const satisfies Readonly<Record<string, Syntax>>;
export type SyntaxName = keyof typeof SYNTAXES;

export const isSyntaxName = (name: string): name is SyntaxName => Object.hasOwn(SYNTAXES, name);

/** Outside of all quotes, where a value is whole. */
export const isOutside = (place: ValuePlace): boolean =>
  place === 'bare' || place === 'word' || place === 'edge';
