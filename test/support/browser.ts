/** A Chromium for tests, with all that went wrong in its pages. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Tests that need it are skipped otherwise. */
export const hasChromium = pathOfChromium() !== '';

function pathOfChromium(): string {
  return spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-proxy-server'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

export interface TestBrowser {
  readonly page: Page;
  /** Errors in the console or of scripts, violations of the content security policy, and requests to other origins. */
  readonly problems: string[];
  close(): Promise<void>;
}

/** `origin`: the only one that its pages may send requests to. */
export async function openBrowser(origin: string): Promise<TestBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'hearsay-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: pathOfChromium(),
    args: FLAGS,
    env: { ...process.env, HOME: profile } as Record<string, string>,
    viewport: { width: 1200, height: 860 },
  });
  const problems: string[] = [];
  watch(context, origin, problems);
  const page = context.pages()[0] ?? (await context.newPage());
  return {
    page,
    problems,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    },
  };
}

/** Requests that fail while the agent is away are no fault of the page; a test that stops the agent expects them. */
function watch(context: BrowserContext, origin: string, problems: string[]): void {
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      problems.push(`console: ${message.text()} ${message.location().url}`);
  });
  context.on('weberror', (error) => problems.push(`script: ${error.error().message}`));
  context.on('request', (request) => {
    if (!request.url().startsWith(`${origin}/`)) problems.push(`request: ${request.url()}`);
  });
}

/** What axe-core finds in the page as it is. */
async function findBarriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(AXE);
  return page.evaluate(`axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join('\\n'))))`);
}

/**
 * Whatever keeps people from the page: in both color schemes what axe-core finds, and at the width of a telephone whether one
 * has to scroll sideways.
 */
export async function findFlaws(page: Page): Promise<readonly string[]> {
  const flaws: string[] = [];
  for (const colorScheme of ['dark', 'light'] as const) {
    await page.emulateMedia({ colorScheme });
    flaws.push(...(await findBarriers(page)));
  }
  const size = page.viewportSize() ?? { width: 1200, height: 860 };
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  );
  if (overflow !== 0) flaws.push(`the page is ${overflow} pixels wider than a screen of 390`);
  await page.setViewportSize(size);
  return flaws;
}
