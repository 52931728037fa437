/** The notices of the packages that are bundled: their licenses ask that the text goes along. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LICENSE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;
const RULE = `\n\n${'-'.repeat(80)}\n\n`;
/** Where Node's license lies, seen from the folder of its binary: in its archive, and in packages of distributions. */
const NODE_LICENSES = ['../LICENSE', '../share/doc/nodejs/LICENSE', '../share/doc/node/LICENSE'];

/** The notices of all packages in `folders`, and `more`, as one text. */
export function noticesOf(folders: readonly string[], more: readonly string[] = []): string {
  const notices = [...more, ...folders.map(noticeOf)];
  return `${['This program contains the following software.', ...notices].join(RULE)}\n`;
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

/** The notice of the Node at `binary` and of the libraries in it. Throws if its license is not beside it. */
export function nodeNotice(binary: string): string {
  const file = NODE_LICENSES.map((path) => join(dirname(binary), path)).find((path) => existsSync(path));
  if (file === undefined)
    throw new Error(
      `no LICENSE beside ${binary}: an executable with Node in it must not be shipped without it`,
    );
  return `Node.js ${process.version}\n\n${readFileSync(file, 'utf8').trim()}`;
}
