/** The dashboard's matrix of instances and agents, and the sentence about agents that disagree, with an agent that is stopped. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFlaws, hasChromium, openBrowser, type TestBrowser } from '../support/browser.ts';
import { HOSTILE_VALUES } from '../support/hostile-values.ts';
import { httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const NET = '127.61.10';

describe.skipIf(!hasChromium)('agents that disagree (skipped where chromium is not installed)', () => {
  let ann: HearsayProcess;
  let cara: HearsayProcess;
  let browser: TestBrowser;

  beforeAll(async () => {
    ann = await startHearsay({ name: 'ann', ip: `${NET}.1` });
    const bob = await startHearsay({ name: 'bob', ip: `${NET}.2`, join: `${NET}.1` });
    cara = await startHearsay({ name: 'cara', ip: `${NET}.3`, join: `${NET}.1` });
    const body = JSON.stringify({ Name: 'web', ID: 'web-1', Port: 80 });
    await httpRequest('PUT', `${bob.http}/v1/agent/service/register`, { body });
    browser = await openBrowser(ann.http);
    await browser.page.goto(`${ann.http}/ui/services/web`);
    await browser.page.getByRole('article', { name: 'web-1' }).waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await killProcesses();
  });

  const marks = (): Promise<number> => browser.page.locator('.matrix td svg').count();
  const expectSound = async (): Promise<void> => {
    expect(await findFlaws(browser.page)).toEqual([]);
    expect(browser.problems).toEqual([]);
  };

  test('nobody is asked before somebody wants to know; when all say the same, there are dots only', async () => {
    const { page } = browser;
    expect(await page.getByRole('grid').count()).toBe(0);
    await page.getByRole('button', { name: 'Ask all agents' }).click();
    await page.getByText('3 of 3 know.').waitFor();
    expect(await page.getByRole('gridcell').count()).toBe(2);
    expect(await marks()).toBe(0);
    await page.getByText('bob says the same of web-1 as this agent: passing').waitFor();
    await expectSound();
  });

  test('one agent that is stopped is one odd mark, which says who and since when to keys and pointer', async () => {
    const { page } = browser;
    cara.child.kill('SIGSTOP');
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('2 of 3 know; cara has not spoken for').waitFor();
    expect(await marks()).toBe(1);
    const line = page.locator('section[aria-labelledby=agents] [role=status]');
    await line.getByText(/^cara has not spoken for [\d.]+ s\. This agent says of web-1: passing/).waitFor();
    await page.getByRole('gridcell', { name: 'cara: silent' }).focus();
    await page.keyboard.press('ArrowLeft');
    await line.getByText('bob says the same of web-1 as this agent: passing').waitFor();
    expect(await page.evaluate('document.activeElement?.getAttribute("aria-label")')).toBe('bob: the same');
    await page.getByRole('gridcell', { name: 'cara: silent' }).hover();
    await line.getByText('has not spoken for').waitFor();
    await expectSound();
  });

  test('the overview names it in a sentence, and both forget it when it goes on', async () => {
    const { page } = browser;
    await page.getByRole('link', { name: 'Overview' }).click();
    const sentence = page.getByText('Agents that may disagree with the others: cara (does not answer).');
    await sentence.waitFor();
    await expectSound();
    cara.child.kill('SIGCONT');
    await sentence.waitFor({ state: 'detached' });
    await page.goto(`${ann.http}/ui/services/web`);
    await page.getByRole('button', { name: 'Ask all agents' }).click();
    await waitUntil('all say the same again', 20_000, async () => {
      const again = page.getByRole('button', { name: 'Ask again' });
      await again.waitFor();
      if ((await page.getByText('3 of 3 know.').count()) > 0) return true;
      await again.click();
      return false;
    });
    expect(await marks()).toBe(0);
  });
});

describe.skipIf(!hasChromium)('the matrix (skipped where chromium is not installed)', () => {
  const HOSTILE = '127.91.1';
  const AGENTS = [
    '"><img src=x onerror=alert(1)>',
    '<script>alert(1)</script>',
    "'; touch /tmp/x; '",
  ] as const;
  const MOST = 40;
  afterAll(killProcesses);

  test('S16 shows hostile ids, tags and names of agents as they are, in its heads, cells and sentences', async () => {
    const [first, ...others] = AGENTS;
    const agent = await startHearsay({ name: first, ip: `${HOSTILE}.1` });
    const [silent] = await Promise.all(
      others.map((name, i) => startHearsay({ name, ip: `${HOSTILE}.${i + 2}`, join: `${HOSTILE}.1` })),
    );
    const ids: string[] = [];
    // From the last on, which could be markup, so many as the matrix shows. An id may not have all characters.
    for (const value of HOSTILE_VALUES.toReversed()) {
      if (value === '' || ids.length === MOST) continue;
      const body = JSON.stringify({ Name: 'web', ID: value, Port: 80, Tags: [value], Meta: { key: value } });
      const { status } = await httpRequest('PUT', `${agent.http}/v1/agent/service/register`, { body });
      if (status === 200) ids.push(value);
    }
    expect(ids).toHaveLength(MOST);
    const { page, problems, close } = await openBrowser(agent.http);
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    try {
      await page.goto(`${agent.http}/ui/services/web`);
      await page
        .getByRole('article')
        .nth(ids.length - 1)
        .waitFor();
      silent?.child.kill('SIGSTOP');
      await page.getByRole('button', { name: 'Ask all agents' }).click();
      await page.getByText(`2 of 3 know; ${silent?.name} has not spoken for`).waitFor();
      const texts = (selector: string): Promise<readonly string[]> =>
        page.locator(`.matrix ${selector}`).evaluateAll((all) => all.map(({ textContent }) => textContent));
      expect(await texts('thead th')).toEqual(['Instance', ...[...others].sort()]);
      const rows = await texts('tbody th');
      for (const id of ids) expect(rows).toContain(`passing ${id}`);
      const line = page.locator('section[aria-labelledby=agents] [role=status]');
      for (const [y, row] of rows.entries())
        for (const [x, name] of [...others].sort().entries()) {
          await page.locator('.matrix tbody tr').nth(y).locator('td').nth(x).focus();
          const id = row.slice('passing '.length);
          await line.filter({ hasText: name }).filter({ hasText: id }).waitFor();
        }
      const made = 'main :is(img, script, iframe, [onerror], [onload], a:not([href^="/ui/"]))';
      expect(await page.locator(made).count()).toBe(0);
      expect(await findFlaws(page)).toEqual([]);
      expect(problems).toEqual([]);
    } finally {
      await close();
    }
  });
});
