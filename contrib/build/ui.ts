/** The dashboard: one script and one style sheet, with its page and its icon, as browsers get them. */
import type { BuildOptions } from 'esbuild';

export const UI_BUNDLE = {
  entryPoints: ['src/ui/app.ts', 'src/ui/app.css', 'src/ui/index.html', 'src/ui/icon.svg'],
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome123', 'firefox120', 'safari17.5'], // the first with light-dark()
  loader: { '.html': 'copy', '.svg': 'copy' },
  metafile: true,
  logLevel: 'warning',
} satisfies BuildOptions;
