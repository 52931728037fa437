/** Reads a template by mustache's parser, which knows delimiters and lines of tags alone; what its tags mean is decided here. */
import mustache from 'mustache';

export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  /** From 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

export type Token =
  | { readonly kind: 'text'; readonly line: number; readonly text: string }
  | { readonly kind: 'value'; readonly line: number; readonly name: string }
  | {
      readonly kind: 'section';
      readonly line: number;
      readonly name: string;
      /** `{{^name}}`: for what is empty. */
      readonly isInverted: boolean;
      readonly body: readonly Token[];
    };

type ParsedToken = readonly [type: string, value: string, start: number, end: number, ...rest: unknown[]];

/** Throws `TemplateError`. */
export function readTokens(text: string): readonly Token[] {
  let parsed: readonly ParsedToken[];
  try {
    parsed = new mustache.Writer().parse(text) as unknown as readonly ParsedToken[];
  } catch (error) {
    throw explainParseError(text, (error as Error).message);
  }
  return toTokens(text, parsed);
}

function toTokens(text: string, parsed: readonly ParsedToken[]): readonly Token[] {
  return parsed.flatMap((token): readonly Token[] => {
    const [type, name, start] = token;
    const line = lineAt(text, start);
    switch (type) {
      case 'text':
        return [{ kind: 'text', line, text: name }];
      case 'name':
        return [{ kind: 'value', line, name }];
      case '#':
      case '^': {
        const body = toTokens(text, token[4] as readonly ParsedToken[]);
        return [{ kind: 'section', line, name, isInverted: type === '^', body }];
      }
      case '!': // a comment
      case '=': // other delimiters
        return [];
      case '&':
        throw new TemplateError(
          line,
          `"${name}" would be written as it is, and whoever registers a service could write this file: values are always escaped, so write {{${name}}}`,
        );
      case '>':
        throw new TemplateError(line, `there are no partials: write what "${name}" has into this template`);
      default:
        throw new TemplateError(line, `there are no tags that begin with ${type}`);
    }
  });
}

/** mustache says where by the number of a character, at the end of its message. */
function explainParseError(text: string, message: string): TemplateError {
  const line = lineAt(text, Number(/ at (\d+)$/.exec(message)?.[1] ?? 0));
  const name = /"(.*)"/s.exec(message)?.[1] ?? '';
  if (message.startsWith('Unclosed section'))
    return new TemplateError(line, `the section "${name}" is not closed: write {{/${name}}} where it ends`);
  if (message.startsWith('Unopened section'))
    return new TemplateError(
      line,
      `{{/${name}}} closes what was not opened: write {{#${name}}} where it begins`,
    );
  if (message.startsWith('Unclosed tag'))
    return new TemplateError(line, 'a tag is not closed: write }} at its end');
  return new TemplateError(line, message);
}

const lineAt = (text: string, at: number): number => text.slice(0, at).split('\n').length;
