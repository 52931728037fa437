/** The dashboard's view of jobs and worker pools in a real Chromium: it follows runs and partitions, whatever their names are. */
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { findFlaws, hasChromium, openBrowser, type TestBrowser } from '../support/browser.ts';
import { getJson, httpRequest } from '../support/http.ts';
import { type HearsayProcess, killProcesses, startHearsay } from '../support/processes.ts';

const NET = '127.91.2';
const BOB = '"><img src=x onerror=alert(1)>';
const [FIRST, SECOND] = ['<script>alert(1)</script>', "'; touch /tmp/x; '"] as const;
const COUNT = 6;

describe.skipIf(!hasChromium)('jobs and worker pools (skipped where chromium is not installed)', () => {
  let ann: HearsayProcess;
  let bob: HearsayProcess;
  let browser: TestBrowser;
  let server: Server;
  let answer = 200;
  const clients: ReturnType<typeof connect>[] = [];
  /** No worker lets a partition go before. */
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });

  beforeAll(async () => {
    ann = await startHearsay({ name: 'ann', ip: `${NET}.1` });
    bob = await startHearsay({ name: BOB, ip: `${NET}.2`, join: `${NET}.1`, tags: { zone: 'z2' } });
    server = createServer((_, response) => response.writeHead(answer).end());
    await new Promise<void>((resolve) => server.listen(8000, `${NET}.9`, resolve));
    browser = await openBrowser(ann.http);
    browser.page.on('dialog', (dialog) => {
      browser.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  });
  afterAll(async () => {
    await browser?.close();
    release();
    await Promise.all(clients.map((client) => client.close()));
    await killProcesses();
    server?.close();
  });

  const put = async (path: string, body: unknown = {}): Promise<void> => {
    const { status, body: text } = await httpRequest('PUT', ann.http + path, { body: JSON.stringify(body) });
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  };
  const expectSound = async (): Promise<void> => {
    const made = 'main :is(img, script, iframe, [onerror], [onload], a:not([href^="/ui/"]))';
    expect(await browser.page.locator(made).count()).toBe(0);
    expect(await findFlaws(browser.page)).toEqual([]);
    expect(browser.problems).toEqual([]);
  };

  test('a job shows its schedule, where and how its last run went, and when the next one is', async () => {
    const { page } = browser;
    await page.goto(`${ann.http}/ui/`);
    await page.keyboard.press('5');
    await page.getByRole('heading', { level: 1, name: 'Jobs' }).waitFor();
    await page.getByText('None.').first().waitFor();
    await put('/v1/hearsay/job/beat', { every: '1s', post: `http://${NET}.9:8000/`, tag: 'zone=z2' });
    const row = page.getByRole('row', { name: /^beat every 1s/ });
    await row.getByText('succeeded').waitFor();
    expect(await row.getByRole('link').textContent()).toBe(BOB);
    await row.getByText(/^in \d s on "><img/).waitFor();
    await expectSound();
    answer = 500;
    await row.getByText('failed').waitFor();
    await put('/v1/hearsay/job/beat/pause');
    await row.getByText('paused').waitFor();
    await expectSound();
    answer = 200;
    await put('/v1/hearsay/job/beat/resume');
    await row.getByText('succeeded').waitFor();
  });

  test('a worker pool shows who holds how many partitions, and why those on their way are not there yet', async () => {
    const { page } = browser;
    const work = async (http: string, id: string): Promise<void> => {
      const client = connect({ http });
      clients.push(client);
      const lease = await client.register({ name: 'tasks', id, port: 1000, sigterm: false });
      await client.partitions(lease, COUNT, { acquire: () => undefined, release: () => released });
    };
    const row = page.getByRole('row', { name: /^tasks 6/ });
    await work(ann.http, FIRST);
    await row.getByText(`${FIRST} on ann: ${COUNT}`).waitFor();
    await row.getByTitle(`${COUNT} held`).waitFor();
    await work(bob.http, SECOND);
    await row.getByTitle(/^\d moving$/).waitFor();
    const waiting = `${FIRST} on ann was told to let it go, and has not yet: ${SECOND} on ${BOB} waits for it.`;
    await row.getByText(waiting).first().waitFor();
    await row.getByText(`${SECOND} on ${BOB}: 0`).waitFor();
    await expectSound();
    release();
    await row.getByTitle(`${COUNT} held`).waitFor();
    const { partitions } = await getJson<{ partitions: { holder: { id: string } }[] }>(
      `${ann.http}/v1/hearsay/partitions/tasks/${COUNT}`,
    );
    for (const [id, node] of [
      [FIRST, 'ann'],
      [SECOND, BOB],
    ]) {
      const held = partitions.filter(({ holder }) => holder.id === id).length;
      await row.getByText(`${id} on ${node}: ${held}`).waitFor();
    }
    expect(await row.locator('p').count()).toBe(0);
    await expectSound();
  });
});
