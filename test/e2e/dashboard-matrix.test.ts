/** The dashboard's matrix of instances and agents, and the sentence about agents that disagree, with an agent that is stopped. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFlaws, hasChromium, openBrowser, type TestBrowser } from '../support/browser.ts';
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
