/**
 * A template of `hearsay sync`: mustache's sections for "each" and "if", and values, which are escaped for their place in the
 * syntax of the file. All names and places are judged when it is read, so that nothing is found out only when a service comes.
 */
import {
  isOutside,
  isSyntaxName,
  SYNTAXES,
  type Syntax,
  type SyntaxName,
  type ValuePlace,
} from './escape.ts';
import {
  findField,
  knownNames,
  type ServiceLists,
  type TemplateField,
  type TemplateFrame,
  type TemplateScope,
} from './names.ts';
import { readTokens, TemplateError, type Token } from './tokens.ts';

export interface Template {
  /** The services that it names; `all` if it lists all of them. */
  readonly services: readonly string[] | 'all';
  render(services: ServiceLists): string;
}

/** Frames from the outermost to the innermost one. */
type Part = (frames: readonly TemplateFrame[]) => string;

/** Throws `TemplateError`. */
export function readTemplate(text: string, syntax: SyntaxName): Template {
  const reader = new TemplateReader(SYNTAXES[syntax]);
  const tokens = readTokens(text);
  const { part, place } = reader.read(tokens, ['all'], 'bare');
  if (!isOutside(place) && place !== 'comment')
    throw new TemplateError(text.split('\n').length, `quotes are open at the end: close them`);
  return {
    services: reader.isForAll ? 'all' : [...reader.services],
    render: (services) => part([{ scope: 'all', services }]),
  };
}

class TemplateReader {
  readonly services = new Set<string>();
  isForAll = false;
  readonly #syntax: Syntax;

  constructor(syntax: Syntax) {
    this.#syntax = syntax;
  }

  /** What the tokens write, and the place after them. */
  read(
    tokens: readonly Token[],
    scopes: readonly TemplateScope[],
    start: ValuePlace,
  ): { readonly part: Part; readonly place: ValuePlace } {
    const parts: Part[] = [];
    let place = start;
    for (const token of tokens)
      if (token.kind === 'text') {
        const { text } = token;
        place = this.#follow(token, place);
        parts.push(() => text);
      } else if (token.kind === 'value') {
        parts.push(this.#readValue(token, scopes, place));
        if (isOutside(place)) place = 'word';
      } else {
        const section = this.#readSection(token, scopes, place);
        parts.push(section.part);
        place = section.place;
      }
    return { part: (frames) => parts.map((part) => part(frames)).join(''), place };
  }

  #follow({ line, text }: Token & { readonly kind: 'text' }, place: ValuePlace): ValuePlace {
    try {
      return this.#syntax.follow(place, text);
    } catch (error) {
      throw new TemplateError(line, (error as Error).message);
    }
  }

  #readValue(
    { line, name }: Token & { readonly kind: 'value' },
    scopes: readonly TemplateScope[],
    place: ValuePlace,
  ): Part {
    const [path = '', ...names] = name.split('|').map((word) => word.trim());
    const filters = names.map((filter) => {
      if (isSyntaxName(filter)) return SYNTAXES[filter];
      throw new TemplateError(
        line,
        `there is no filter "${filter}": use ${Object.keys(SYNTAXES).join(', ')}`,
      );
    });
    const { field, depth } = this.#find(line, path, scopes);
    if (field.kind !== 'value')
      throw new TemplateError(
        line,
        `"${path}" is no value: write {{#${path}}} … {{/${path}}} for what it has`,
      );
    const syntax = this.#syntax;
    return (frames) => {
      const value = field.read(frames[depth] as TemplateFrame);
      return syntax.write(
        place,
        filters.reduce<string | number>((written, filter) => filter.write('bare', written), value),
      );
    };
  }

  #readSection(
    { line, name, isInverted, body }: Token & { readonly kind: 'section' },
    scopes: readonly TemplateScope[],
    start: ValuePlace,
  ): { readonly part: Part; readonly place: ValuePlace } {
    const { field, depth } = this.#find(line, name, scopes);
    const isList = field.kind === 'list' && !isInverted;
    // It may be written many times or never, so that before and after each time the place must be the same.
    let place: ValuePlace = start;
    const innerScopes = isList ? [...scopes, field.scope] : scopes;
    let inner = this.read(body, innerScopes, place);
    if (isOutside(place) && !(place === 'bare' && inner.place === 'bare')) {
      place = 'edge';
      inner = this.read(body, innerScopes, place);
    }
    if (inner.place !== place && !(isOutside(inner.place) && isOutside(place)))
      throw new TemplateError(
        line,
        `the section "${name}" begins ${PLACES[place]}, and ends ${PLACES[inner.place]}: let both be the same`,
      );
    const part: Part = isList
      ? (frames) =>
          listOf(field, frames[depth])
            .map((frame) => inner.part([...frames, frame]))
            .join('')
      : (frames) => (isEmpty(field, frames[depth]) === isInverted ? inner.part(frames) : '');
    return { part, place };
  }

  #find(
    line: number,
    name: string,
    scopes: readonly TemplateScope[],
  ): { readonly field: TemplateField; readonly depth: number } {
    const found = findField(scopes, name);
    if (found === undefined)
      throw new TemplateError(line, `there is no "${name}" here: use ${knownNames(scopes).join(', ')}`);
    const service = /^service +(.+)$/s.exec(name)?.[1];
    if (found.depth === 0 && name === 'services') this.isForAll = true;
    else if (found.depth === 0 && service !== undefined) this.services.add(service);
    return found;
  }
}

const PLACES: Readonly<Record<ValuePlace, string>> = {
  ...{ bare: 'outside of quotes', word: 'outside of quotes', edge: 'outside of quotes' },
  ...{ double: 'in double quotes', single: 'in single quotes', comment: 'in a comment' },
};

const listOf = (field: TemplateField, frame: TemplateFrame | undefined): readonly TemplateFrame[] =>
  field.kind === 'list' && frame !== undefined ? field.read(frame) : [];

function isEmpty(field: TemplateField, frame: TemplateFrame | undefined): boolean {
  if (frame === undefined) return true;
  const value = field.read(frame);
  return Array.isArray(value) ? value.length === 0 : value === '' || value === false;
}
