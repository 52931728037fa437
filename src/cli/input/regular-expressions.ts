/** Filters of the command line, as regular expressions that must match a whole text, as Serf's commands take them. */
import { compilePattern } from '../../base/pattern/pattern.ts';
import { CliError, EXIT } from '../command.ts';

/** Far more than any name or tag needs; an expression that needs more matches nothing. */
const MAX_STEPS = 1_000_000;

/** Whether the whole text matches. Throws `CliError` that names the option, `where`, if the expression is none. */
export function parseRegularExpression(expression: string, where: string): (text: string) => boolean {
  // By itself first: within the parentheses `a)(b` would be one.
  const isValid = compilePattern(expression) !== undefined;
  const pattern = isValid ? compilePattern(`^(?:${expression})$`) : undefined;
  if (pattern === undefined)
    throw new CliError(
      EXIT.usage,
      `${where}: "${expression}" is not a regular expression: .* is any text, and a backslash takes a sign as it is`,
    );
  return (text) => pattern.test(text, { left: MAX_STEPS }) === true;
}
