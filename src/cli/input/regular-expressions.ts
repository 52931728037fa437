/** Filters of the command line, as regular expressions that must match a whole text, as Serf's commands take them. */
import { MAX_PATTERN_BYTES } from '../../base/pattern/parser.ts';
import { compilePattern } from '../../base/pattern/pattern.ts';
import { CliError, EXIT } from '../command.ts';

/** Far more than any name or tag needs; an expression that needs more matches nothing. */
const MAX_STEPS = 1_000_000;

/** Whether the whole text matches. Throws `CliError` that names the option, `where`, if the expression is none. */
export function parseRegularExpression(expression: string, where: string): (text: string) => boolean {
  const pattern = compilePattern(expression, undefined, true);
  if (pattern === undefined)
    throw new CliError(
      EXIT.usage,
      `${where}: "${expression}" is not a regular expression: .* is any text, a backslash takes a sign as it is, and it has ${MAX_PATTERN_BYTES} bytes at most`,
    );
  return (text) => pattern.test(text, { left: MAX_STEPS }) === true;
}
