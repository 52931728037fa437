/** The dashboard in a real Chromium, served by the built program: each view, each action. */
import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findFlaws, hasChromium, openBrowser, type TestBrowser } from '../support/browser.ts';
import { httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const NET = '127.36.10';
const KEY = 'vLZDXQlN9yqJwXqRk8o2rpzr8PTZ6zxM1rEgXFQJ0yE=';
const OPERATOR = 'o'.repeat(32);
/** What the console says while the agent is away. */
const AWAY =
  /ERR_(?:CONNECTION_REFUSED|SOCKET_NOT_CONNECTED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)/;
/** The refusal that the dashboard answers by asking for a token. */
const REFUSED = /status of 403/;

const put = async (url: string, body: unknown = ''): Promise<void> => {
  const { status, body: text } = await httpRequest('PUT', url, { body: JSON.stringify(body) });
  if (status !== 200) throw new Error(`${url}: ${status} ${text}`);
};

describe.skipIf(!hasChromium)('the dashboard (skipped where chromium is not installed)', () => {
  let ann: HearsayProcess;
  let bob: HearsayProcess;
  let browser: TestBrowser;

  const startAnn = (join?: string): Promise<HearsayProcess> =>
    startHearsay({
      ...{ name: 'ann', ip: `${NET}.1`, key: KEY, tags: { zone: 'z1' } },
      ...(join === undefined ? {} : { join }),
      env: { HEARSAY_HTTP_OPERATOR_TOKEN: OPERATOR },
    });
  const startOther = (name: string, ip: string): Promise<HearsayProcess> =>
    startHearsay({ name, ip, key: KEY, join: `${NET}.1`, tags: { zone: 'z2' } });

  beforeAll(async () => {
    ann = await startAnn();
    bob = await startOther('bob', `${NET}.2`);
    const check = { CheckID: 'jobs', Name: 'jobs', TTL: '600s', Status: 'passing' };
    await put(`${bob.http}/v1/agent/service/register`, {
      ...{ Name: 'web', ID: 'web-1', Tags: ['v2'], Check: check },
      Ports: [
        { Name: 'http', Port: 80, Default: true },
        { Name: 'admin', Port: 9090 },
      ],
    });
    await put(`${ann.http}/v1/agent/service/register`, { Name: 'api', ID: 'api-1', Port: 81 });
    browser = await openBrowser(ann.http);
  });
  afterAll(async () => {
    await browser?.close();
    await killProcesses();
  });

  const text = (selector: string): Promise<string> => browser.page.locator(selector).innerText();
  const open = (path: string): Promise<unknown> => browser.page.goto(ann.http + path);
  const expectSound = async (): Promise<void> => {
    expect(await findFlaws(browser.page)).toEqual([]);
    expect(browser.problems).toEqual([]);
  };

  test('/ leads to the overview, which says how the cluster is and follows it', async () => {
    const { page } = browser;
    await open('/');
    await page.getByRole('heading', { level: 1, name: 'All 2 members are visible.' }).waitFor();
    expect(page.url()).toBe(`${ann.http}/ui/`);
    await page.getByText('Nothing that this agent knows of.').waitFor();
    await put(`${bob.http}/v1/agent/check/fail/jobs?note=stuck`);
    await page.getByRole('link', { name: 'web', exact: true }).waitFor();
    expect(await text('section[aria-labelledby=wrong]')).toContain('has no usable instance: 1 of 1 critical');
    await put(`${bob.http}/v1/agent/check/pass/jobs`);
    await page.getByText('Nothing that this agent knows of.').waitFor();
    await expectSound();
  });

  test('services show their health, instances, and why each is answered; bookmarks of Consul lead there', async () => {
    const { page } = browser;
    await open('/ui/services');
    await page.getByRole('searchbox').fill('v2');
    await page.getByText('1 of 2 services').waitFor();
    await expectSound();
    await page.getByRole('link', { name: 'web', exact: true }).click();
    expect(page.url()).toBe(`${ann.http}/ui/services/web`);
    await open('/ui/dc1/services/web/instances');
    const card = page.getByRole('article', { name: 'web-1' });
    await card.getByText('In results: its checks and its node are healthy.').waitFor();
    expect(await card.innerText()).toMatch(/Port admin\s+9090/);
    await page.getByText('_web._tcp.service.hearsay').waitFor();
    await put(`${bob.http}/v1/agent/check/fail/jobs?note=the+queue+is+stuck`);
    await card.getByText('the queue is stuck', { exact: true }).waitFor();
    expect(await card.innerText()).toContain('Out of results: its check jobs is critical');
    await put(`${bob.http}/v1/agent/check/pass/jobs`);
    await card.getByText('In results').waitFor();
    await expectSound();
  });

  test('nodes are found by words and by filters, and a dead one shows the evidence', async () => {
    const { page, problems } = browser;
    const cara = await startOther('cara', `${NET}.3`);
    await open('/ui/nodes');
    await page.getByText('3 nodes').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('cara');
    await page.getByText('1 of 3 nodes').waitFor();
    await page.getByRole('searchbox').fill('tags.zone == z2');
    await page.getByText('2 of 3 nodes').waitFor();
    await expectSound();
    await page.getByRole('searchbox').fill('nothing == z2');
    await page.getByRole('alert').getByText('nothing').waitFor();
    expect(problems.splice(0).filter((problem) => !problem.includes('status of 400'))).toEqual([]);
    await page.getByRole('searchbox').fill('');
    await cara.kill();
    await page.getByRole('row', { name: /cara.*failed/ }).waitFor();
    await page.getByRole('link', { name: 'cara', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'cara' }).waitFor();
    await page.getByText('The last accusation is likely true (refused).').waitFor();
    expect(await page.locator('.timeline li').count()).toBeGreaterThan(1);
    await expectSound();
  });

  test('events come as they happen; they can be searched, and stopped', async () => {
    const { page } = browser;
    await open('/ui/events');
    await page.locator('.log').getByText('member failed').waitFor();
    await put(`${ann.http}/v1/event/fire/deploy`, 'web v3');
    await page.getByText('web v3').waitFor();
    await page.getByRole('searchbox').fill('cara');
    expect(await page.locator('.log li').allInnerTexts()).toSatisfy((lines: string[]) =>
      lines.every((line) => line.includes('cara')),
    );
    await page.getByRole('searchbox').fill('');
    await page.getByRole('button', { name: 'Pause' }).click();
    const count = await page.locator('.log li').count();
    await put(`${ann.http}/v1/agent/service/register`, { Name: 'late', ID: 'late-1', Port: 82 });
    await page.getByRole('button', { name: 'Resume, 1 new' }).waitFor();
    expect(await page.locator('.log li').count()).toBe(count);
    await page.getByRole('button', { name: 'Resume, 1 new' }).click();
    await page.locator('.log').getByText('late-1').waitFor();
    await put(`${ann.http}/v1/agent/service/deregister/late-1`);
    await expectSound();
  });

  test('the map places nodes by their round trips, and follows keys, wheel and pointer', async () => {
    const { page } = browser;
    await open('/ui/map');
    await page.getByRole('button', { name: /^bob [\d.]+ ms$/ }).waitFor();
    const canvas = page.locator('canvas');
    const picture = (): Promise<string> => canvas.evaluate((element) => element.toDataURL());
    /** A frame that differs from the last one. */
    const expectChange = async (before: string): Promise<void> =>
      void (await waitUntil('the picture changes', 5000, async () => (await picture()) !== before));
    let before = await picture();
    for (const change of [
      () => canvas.press('+'),
      () => canvas.press('ArrowLeft'),
      () => canvas.press('0'),
      () => page.mouse.wheel(0, 200),
      () => canvas.press('-'),
      () => page.getByRole('button', { name: /^bob/ }).click(),
    ]) {
      await canvas.hover();
      await change();
      await expectChange(before);
      before = await picture();
    }
    await page.getByRole('heading', { level: 2, name: 'bob alive' }).waitFor();
    await page.getByRole('button', { name: /^ann [\d.]+ ms$/ }).waitFor();
    await expectSound();
  });

  test('an action says what it will do, and does it only when that is confirmed', async () => {
    const { page } = browser;
    const dialog = page.getByRole('dialog');
    await open('/ui/actions');
    await page.getByRole('button', { name: 'Maintenance of api-1' }).click();
    await dialog.getByText('All agents of the cluster leave it out').waitFor();
    await expectSound();
    await page.keyboard.press('Escape');
    expect(await dialog.count()).toBe(0);
    const checks = async (): Promise<string> =>
      (await httpRequest('GET', `${ann.http}/v1/agent/checks`)).body;
    expect(await checks()).toBe('{}');
    await page.getByRole('button', { name: 'Maintenance of api-1' }).click();
    await dialog.getByLabel('Reason').fill('a new disk');
    await dialog.getByRole('button', { name: 'Begin maintenance' }).click();
    await page.getByText('api-1 is in maintenance.').waitFor();
    expect(await checks()).toContain('a new disk');
    await page.getByRole('button', { name: 'End maintenance of api-1' }).click();
    await dialog.getByRole('button', { name: 'End maintenance' }).click();
    await page.getByRole('button', { name: 'Maintenance of api-1', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Drain api-1' }).click();
    await dialog.getByRole('button', { name: 'Drain' }).click();
    await page.getByRole('button', { name: 'End draining api-1' }).waitFor();
    await expectSound();
  });

  test('what is for operators asks for their token, once', async () => {
    const { page, problems } = browser;
    const dialog = page.getByRole('dialog');
    await open('/ui/actions');
    await page.getByRole('button', { name: 'Forget cara' }).click();
    await dialog.getByRole('button', { name: 'Forget' }).click();
    await dialog.getByRole('alert').getByText('needs a token of the scope operator').waitFor();
    expect(problems.splice(0).filter((problem) => !REFUSED.test(problem))).toEqual([]);
    await dialog.getByLabel('Token').fill(OPERATOR);
    await dialog.getByRole('button', { name: 'Forget' }).click();
    await page.getByText('cara is forgotten.').waitFor();
    await page.getByRole('button', { name: 'Set a tag' }).click();
    await dialog.getByLabel('Name').fill('rack');
    await dialog.getByLabel('Value').fill('r7');
    await dialog.getByRole('button', { name: 'Set' }).click();
    await page.getByRole('button', { name: 'Remove the tag rack' }).waitFor();
    await page.getByRole('button', { name: 'List the keys' }).click();
    await dialog.getByRole('button', { name: 'Ask' }).click();
    await page.getByText('2 of 2 have it, 2 use it').waitFor();
    await expectSound();
  });

  test('what `hearsay doctor` would find stands in the overview within five seconds', async () => {
    const { page } = browser;
    await open('/ui/');
    await page.getByRole('heading', { level: 1, name: 'All 2 members are visible.' }).waitFor();
    const stranger = createSocket('udp4');
    try {
      await new Promise<void>((resolve) => stranger.bind(0, `${NET}.9`, resolve));
      const at = performance.now();
      stranger.send(Buffer.from([0, 0x82]), 7946, `${NET}.1`); // a ping in plain text: it has no key
      await page.locator('.rows').getByText(`${NET}.9`).first().waitFor();
      expect(performance.now() - at).toBeLessThan(5000);
    } finally {
      stranger.close();
    }
    await expectSound();
  });

  test('a lost connection shows its age, and heals when the agent is back', async () => {
    const { page, problems } = browser;
    await open('/ui/');
    await page.getByRole('status').getByText('Live').waitFor();
    await ann.kill();
    await page.getByText(/No connection\s+for [2-9] s/).waitFor();
    expect(await text('h1')).toContain('2 members'); // what was known is still shown
    ann = await startAnn(`${NET}.2`);
    await page.getByRole('status').getByText('Live').waitFor();
    await waitUntil('both are seen again', 20_000, async () => (await text('h1')).includes('All 2 members'));
    expect(problems.splice(0).filter((problem) => !AWAY.test(problem))).toEqual([]);
  });
});
