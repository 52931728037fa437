/** A Chromium for tests, with all that went wrong in its pages. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Tests that need it are skipped otherwise. */
export const hasChromium = pathOfChromium() !== '';

function pathOfChromium(): string {
  return spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();
}

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
