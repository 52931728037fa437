/**
 * Writes the notices of the packages that are bundled into `dist`: their licenses ask that the text goes along. Arguments:
 * the metafile of esbuild, and the file to write.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LICENSE = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;

/** The folders of the packages whose sources are among the inputs, sorted. */
export function bundledPackages(inputs: readonly string[]): readonly string[] {
  const folders = inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []);
  return [...new Set(folders)].sort();
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

const [metafile, target] = process.argv.slice(2);
if (metafile !== undefined && target !== undefined && existsSync(metafile)) {
  const { inputs } = JSON.parse(readFileSync(metafile, 'utf8')) as { inputs: object };
  const notices = bundledPackages(Object.keys(inputs)).map(noticeOf);
  const rule = `\n\n${'-'.repeat(80)}\n\n`;
  writeFileSync(target, `This program contains the following packages.${rule}${notices.join(rule)}\n`);
}
