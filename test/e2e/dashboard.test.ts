/** The dashboard in a real Chromium, served by the built program. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, openBrowser, type TestBrowser } from '../support/browser.ts';
import { httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const NET = '127.36.10';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What the console says while the agent is away. */
const AWAY = /ERR_(?:CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)/;

const put = async (url: string, body: unknown = ''): Promise<void> => {
  const { status, body: text } = await httpRequest('PUT', url, { body: JSON.stringify(body) });
  if (status !== 200) throw new Error(`${url}: ${status} ${text}`);
};

describe.skipIf(!hasChromium)('the dashboard (skipped where chromium is not installed)', () => {
  let ann: HearsayProcess;
  let bob: HearsayProcess;
  let browser: TestBrowser;

  const startAnn = (): Promise<HearsayProcess> =>
    startHearsay({ name: 'ann', ip: `${NET}.1`, tags: { zone: 'z1' } });

  beforeAll(async () => {
    ann = await startAnn();
    bob = await startHearsay({ name: 'bob', ip: `${NET}.2`, join: `${NET}.1`, tags: { zone: 'z2' } });
    const check = { CheckID: 'jobs', Name: 'jobs', TTL: '600s', Status: 'passing' };
    await put(`${bob.http}/v1/agent/service/register`, { Name: 'web', ID: 'web-1', Port: 80, Check: check });
    browser = await openBrowser(ann.http);
  });
  afterAll(async () => {
    await browser?.close();
    await killProcesses();
  });

  const text = (selector: string): Promise<string> => browser.page.locator(selector).innerText();
  const findings = async (): Promise<readonly string[]> => {
    await browser.page.evaluate(AXE);
    return browser.page.evaluate(`axe.run({ resultTypes: ['violations'] }).then(({ violations }) =>
      violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join('\\n'))))`);
  };
  /** In both color schemes, and at the width of a telephone. */
  const expectGoodLooks = async (): Promise<void> => {
    for (const colorScheme of ['dark', 'light'] as const) {
      await browser.page.emulateMedia({ colorScheme });
      expect(await findings()).toEqual([]);
    }
    await browser.page.setViewportSize({ width: 390, height: 844 });
    const overflow = await browser.page.evaluate(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    );
    await browser.page.setViewportSize({ width: 1200, height: 860 });
    expect(overflow).toBe(0);
  };

  test('/ leads to the overview, which says how the cluster is and follows it', async () => {
    const { page, problems } = browser;
    await page.goto(`${ann.http}/`);
    await page.getByRole('heading', { level: 1, name: 'All 2 members are visible.' }).waitFor();
    expect(page.url()).toBe(`${ann.http}/ui/`);
    await page.getByText('Nothing that this agent knows of.').waitFor();
    await put(`${bob.http}/v1/agent/check/fail/jobs?note=stuck`);
    await page.getByRole('link', { name: 'web', exact: true }).waitFor();
    expect(await text('section[aria-labelledby=wrong]')).toContain('has no usable instance: 1 of 1 critical');
    await put(`${bob.http}/v1/agent/check/pass/jobs`);
    await page.getByText('Nothing that this agent knows of.').waitFor();
    await expectGoodLooks();
    expect(problems).toEqual([]);
  });

  test('a lost connection shows its age, and heals when the agent is back', async () => {
    const { page, problems } = browser;
    await page.goto(`${ann.http}/ui/`);
    await page.getByRole('status').getByText('Live').waitFor();
    await ann.kill();
    await page.getByText(/No connection\s+for [2-9] s/).waitFor();
    expect(await text('h1')).toContain('2 members'); // what was known is still shown
    ann = await startHearsay({ name: 'ann', ip: `${NET}.1`, join: `${NET}.2`, tags: { zone: 'z1' } });
    await page.getByRole('status').getByText('Live').waitFor();
    await waitUntil('both are seen again', 20_000, async () => (await text('h1')).includes('All 2 members'));
    // Requests that found nobody are told in the console; nothing else is.
    expect(problems.filter((problem) => !AWAY.test(problem))).toEqual([]);
    problems.length = 0;
  });
});
