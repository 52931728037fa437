/** The notices of the packages that are bundled: their licenses ask that the text goes along. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LICENSE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;
const RULE = `\n\n${'-'.repeat(80)}\n\n`;

/** The notices of all packages in `folders`, as one text. */
export function noticesOf(folders: readonly string[]): string {
  return `${['This program contains the following packages.', ...folders.map(noticeOf)].join(RULE)}\n`;
}

/** Name, version, license and its text. Throws if a package has none: it must not be bundled then. */
export function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = readdirSync(folder).filter((file) => LICENSE.test(file));
  if (typeof license !== 'string' || files.length === 0)
    throw new Error(`${name} has no license file: it must not be bundled without its notice`);
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return [`${name} ${version} (${license})`, ...texts].join('\n\n');
}
