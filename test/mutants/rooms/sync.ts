/** Planted bugs in what keeps proxies and files equal to the catalog. */
import type { Mutant } from '../mutant.ts';

export const syncMutants: readonly Mutant[] = [
  {
    id: 'sync-long-line-dropped',
    file: 'cli/api/lines.ts',
    find: 'const MAX_LINE = 64 * 1024 * 1024',
    replace: 'const MAX_LINE = 1024 * 1024',
    description: 'A service of thousands of instances, which are one line, never reaches a proxy.',
    expectedTests: ['unit/cli/api/lines.test.ts'],
  },
  {
    id: 'sync-partition-empties',
    file: 'sync/guarded-list.ts',
    find: "reason === '' ? desired.servers",
    replace: 'true ? desired.servers',
    description: 'A partition empties the backends of a proxy, and its files.',
    expectedTests: ['property/haproxy-sync.test.ts', 'unit/sync/file/file-sync.test.ts'],
  },
  {
    id: 'sync-value-breaks-out',
    file: 'sync/template/escape.ts',
    find: '._:/@=,-]/gu, encodeCharacter)',
    replace: '._:/@=,;-]/gu, encodeCharacter)',
    description: 'Who registers a tag with a semicolon adds directives to the configuration of nginx.',
    expectedTests: ['property/template.test.ts'],
  },
  {
    id: 'sync-shell-quotes-open',
    file: 'sync/template/escape.ts',
    find: "text.replaceAll(\"'\", `'\\\\''`)",
    replace: 'text',
    description: 'Who registers meta with a quote runs commands where a shell reads the file.',
    expectedTests: ['property/template.test.ts'],
  },
  {
    id: 'sync-refused-file-stays',
    file: 'sync/file/file-swap.ts',
    find: "if (problem !== '' && hadFile) await rename(this.#last, this.path);",
    replace: "if (problem !== '' && hadFile) await rm(this.#last);",
    description: 'A file that its test refuses stays, and the next start of nginx fails.',
    expectedTests: ['unit/sync/file/file-swap.test.ts'],
  },
  {
    id: 'sync-no-burst',
    file: 'sync/file/file-sync.ts',
    find: 'await this.#waitForEndOfBurst();',
    replace: '',
    description: 'A burst of changes reloads nginx as often as there are changes.',
    expectedTests: ['unit/sync/file/file-sync.test.ts'],
  },
  {
    id: 'sync-later-rows',
    file: 'cli/api/events.ts',
    find: 'version > KNOWN_ROWS',
    replace: 'version > KNOWN_ROWS + 1',
    description: 'A later agent has sync set what its fields no longer mean.',
    expectedTests: ['unit/cli/api/events.test.ts'],
  },
];
