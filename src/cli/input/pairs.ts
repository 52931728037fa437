/** Values as people type them: `KEY=VALUE`, and options that are given several times. */
import { CliError, EXIT } from '../command.ts';

/** Splits at the first `=`. Throws `CliError` naming `where` it stood. */
export function parsePair(text: string, where: string): [key: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new CliError(EXIT.usage, `${where}: "${text}" must be KEY=VALUE`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** For an option before a positional argument: one that takes `<tag...>` would swallow it. */
export const collectValues = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];
