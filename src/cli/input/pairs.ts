/** Parses `KEY=VALUE` values, and collects options that are given several times. */
import { CliError, EXIT } from '../command.ts';

/** Splits at the first `=`. Throws `CliError` that names the argument, `where`. */
export function parsePair(text: string, where: string): [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError(EXIT.usage, `${where}: "${text}" must be KEY=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Collects a repeated option. A variadic one, `<tag...>`, would swallow the positional arguments. */
export const collectValues = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];
