/**
 * The files of the dashboard (`src/ui/`), as the build has bundled them. They are read at the first request: an agent
 * that nobody looks at does not hold them.
 */
import { readFileSync } from 'node:fs';
import { getAsset, isSea } from 'node:sea';
import { contentHash, createEtag } from './etag.ts';
import { HttpReply } from './reply.ts';

/** The reply for each file by its name, and `index` for every page of the dashboard. */
export type UiFiles = ReadonlyMap<string, HttpReply>;

export const UI_INDEX = 'index.html';

const CONTENT_TYPES = {
  [UI_INDEX]: 'text/html; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'app.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
} as const;

export const UI_FILES: readonly string[] = Object.keys(CONTENT_TYPES);

/**
 * Nothing inline, nothing from elsewhere, and no string becomes markup or code: a name that a stranger chose stays text even
 * where the dashboard had a bug.
 *
 * Source: S16, S24 (docs/security.md).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'",
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "require-trusted-types-for 'script'; trusted-types 'none'",
].join('; ');

/** Names of files in the single executable begin with this. */
export const ASSET_PREFIX = 'ui/';

/** Where `dist/ui` is, seen from `dist/cli` or `dist/chunks`, and from this file. */
const FOLDERS = ['../ui/', '../../../../dist/ui/'];

/** Returns a function that reads the files once; it returns `undefined` if there are none, as before the first build. */
export function createUiLoader(folders: readonly string[] = FOLDERS): () => UiFiles | undefined {
  let loaded: UiFiles | undefined;
  return () => {
    for (const folder of folders) loaded ??= readFiles(folder);
    return loaded;
  };
}

function readFiles(folder: string): UiFiles | undefined {
  try {
    if (isSea()) return toUiFiles((name) => Buffer.from(getAsset(ASSET_PREFIX + name)));
    return toUiFiles((name) => readFileSync(new URL(folder + name, import.meta.url)));
  } catch {
    return undefined; // the next folder may have them
  }
}

export function toUiFiles(read: (name: string) => Buffer): UiFiles {
  return new Map(
    Object.entries(CONTENT_TYPES).map(([name, contentType]) => {
      const body = read(name);
      const headers = {
        'Content-Type': contentType,
        'Content-Security-Policy': CONTENT_SECURITY_POLICY,
        'Cross-Origin-Resource-Policy': 'same-origin',
        'Cache-Control': 'no-cache',
        ETag: createEtag(contentHash(body)),
      };
      return [name, new HttpReply(200, body, headers)];
    }),
  );
}
