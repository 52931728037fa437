/** S16: whatever strangers write shows as text in the dashboard, in a real Chromium. And the token for reading. */
import { afterEach, describe, expect, test } from 'vitest';
import { hasChromium, openBrowser } from '../support/browser.ts';
import { httpRequest } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';

const NET = '127.36.11';
const CORPUS = [
  '<img src=x onerror=hit()>',
  '<script>hit()</script>',
  '"><svg onload=hit()>',
  "'-hit()-'",
  'javascript:hit()',
  '{{constructor.constructor("hit()")()}}',
  '#{hit()}',
  '</title></style><iframe srcdoc="<script>parent.hit()</script>">',
  '<a href="javascript:hit()">click</a>',
  '&lt;b&gt;',
  '__proto__',
] as const;

afterEach(killProcesses);

describe.skipIf(!hasChromium)('foreign text (skipped where chromium is not installed)', () => {
  test('S16 is shown as it is, in every view', async () => {
    const tags = Object.fromEntries(CORPUS.map((text, i) => [`t${i}`, text]));
    const ann = await startHearsay({ name: 'ann', ip: `${NET}.1`, tags });
    const put = async (path: string, body: string): Promise<void> => {
      const { status, body: text } = await httpRequest('PUT', ann.http + path, { body });
      if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
    };
    const json = (path: string, body: unknown): Promise<void> => put(path, JSON.stringify(body));
    for (const [i, text] of CORPUS.entries()) {
      await json('/v1/agent/service/register', {
        ...{ Name: `s${i}`, ID: `id ${text.replaceAll('/', '|')}`, Port: 80, Tags: [text] },
        Meta: { key: text },
        Check: { CheckID: `c${i}`, Name: text, Notes: text, TTL: '600s', Status: 'critical' },
      });
      await json(`/v1/agent/check/update/c${i}`, { Status: 'critical', Output: text });
      await put(`/v1/event/fire/e${i}`, text);
    }
    const { page, problems, close } = await openBrowser(ann.http);
    try {
      await page.addInitScript('globalThis.hit = () => { globalThis.wasHit = true; }');
      const views = ['', 'map', 'nodes', 'nodes/ann', 'services', 'jobs', 'events', 'actions'];
      const all = [...views, ...CORPUS.map((_, i) => `services/s${i}`), encodeURIComponent(CORPUS[0])];
      for (const path of [...all, `nodes/${encodeURIComponent(CORPUS[2])}`]) {
        await page.goto(`${ann.http}/ui/${path}`);
        await page.getByRole('status').getByText('Live').waitFor();
        if (path === 'events') await page.getByText(CORPUS[0]).first().waitFor();
        const [, number] = /services\/s(\d+)/.exec(path) ?? [];
        if (number !== undefined)
          await page
            .locator('pre')
            .getByText(CORPUS[Number(number)] ?? '')
            .waitFor();
        const made = await page.evaluate(
          `[globalThis.wasHit === true, document.querySelectorAll('main :is(img, script, iframe, [onerror], [onload], a:not([href^="/ui/"]))').length]`,
        );
        expect([path, made]).toEqual([path, [false, 0]]);
      }
      // A node that was never seen is 404, in the console as well.
      expect(problems.filter((problem) => !problem.includes('status of 404'))).toEqual([]);
    } finally {
      await close();
    }
  });

  test('S13 a token for reading is asked for once, and kept in no storage', async () => {
    const token = 'r'.repeat(32);
    const { http } = await startHearsay({ name: 'ann', ip: `${NET}.2`, readToken: token });
    const { page, problems, close } = await openBrowser(http);
    try {
      await page.goto(`${http}/ui/`);
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Token').fill(token);
      await dialog.getByRole('button', { name: 'Use it' }).click();
      await page.getByRole('status').getByText('Live').waitFor();
      await page.getByRole('link', { name: 'Nodes' }).first().click();
      await page.getByRole('link', { name: 'ann', exact: true }).waitFor();
      expect(await dialog.count()).toBe(0);
      expect(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]')).toEqual([
        0,
        0,
        '',
      ]);
      expect(problems.filter((problem) => !problem.includes('status of 403'))).toEqual([]);
    } finally {
      await close();
    }
  });
});

test('--ui off leaves the API as it is, and says where the dashboard went', async () => {
  const { http } = await startHearsay({ name: 'ann', ip: `${NET}.3`, args: ['--ui', 'off'] });
  const page = await httpRequest('GET', `${http}/ui/`);
  expect([page.status, page.body]).toEqual([404, expect.stringContaining('--ui off')]);
  const root = await httpRequest('GET', `${http}/`, { headers: { Accept: 'text/html' } });
  expect([root.status, root.body]).toEqual([200, 'hearsay agent']);
});
