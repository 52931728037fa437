/** S12, T13: a page of another site that writes (finding 15 of issue 14), as Chromium sends it, and with Chromium itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startProgram,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';
import { register } from './attacker.ts';
import { ATTACKS, type HostileSite, requestOf, serveHostileSite, type WriteRequest } from './hostile-page.ts';

afterEach(killProcesses);

test('an image of a page deregisters no service, by a name or an address', async () => {
  const ip = '127.78.51.1';
  const ann = await startHearsay({ name: 'ann', ip, args: ['--http-allowed-hosts', 'agent.test'] });
  await register(ann.http, { ID: 'web', Name: 'web', Port: 80 });
  const image = (headers: Record<string, string>) =>
    httpRequest('GET', `${ann.http}/v1/agent/service/deregister/web`, { headers });
  // To a name that is not trustworthy a browser sends no fetch metadata, and the page has switched Referer off.
  expect((await image({ Host: 'agent.test:8500' })).status).toBe(405);
  expect((await image({ Host: 'ann.node.consul:8500' })).status).toBe(405);
  expect((await image({ Host: 'rebind.test:8500' })).status).toBe(403);
  const metadata = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' };
  for (const host of [`${ip}:8500`, 'localhost:8500'])
    expect((await image({ Host: host, ...metadata })).status).toBe(403);
  expect(Object.keys(await getJson<object>(`${ann.http}/v1/agent/services`))).toEqual(['web']);
  expect((await image({ Host: `${ip}:8500` })).status).toBe(200); // python-consul 0.7
});

const NET = '127.22.62';
/** Names of the agent: its address, its own name, which is allowed without a setting, and one that a stranger lets point to it. */
const HOSTS = { ip: `${NET}.1`, own: 'ann.node.consul', foreign: 'rebind.test' };
const LABELS = ['ip', 'own', 'foreign'] as const;
/** The status for key commands of an agent without gossip encryption. */
const KEYLESS = 400;
const LEAVE: WriteRequest = { method: 'PUT', path: '/v1/agent/leave', body: '' };
const REBOUND = [...ATTACKS.map((attack) => requestOf(attack, 'rebound')), LEAVE];
/** Those of all hosts that a program can send, too. */
const WRITES = [...LABELS, 'rebound'].flatMap((label) => ATTACKS.map((attack) => requestOf(attack, label)));

function startChromium(profile: string, { resolve, url }: HostileSite) {
  return startProgram('env', [
    ...[
      `HOME=${profile}`,
      'chromium',
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
    ],
    ...[
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--no-proxy-server',
    ],
    ...[`--user-data-dir=${profile}`, `--host-resolver-rules=${resolve}`, url],
  ]);
}

async function writtenState({ http, members }: HearsayProcess) {
  const services = Object.keys(await getJson<object>(`${http}/v1/agent/services`)).sort();
  const events = (await getJson<{ Name: string }[]>(`${http}/v1/event/list`)).map(({ Name }) => Name).sort();
  return { services, events, statuses: (await members()).map(({ status }) => status) };
}

/** How many requests an agent has refused as those of pages: by 403, or by 405 where only programs may write. */
async function refusals({ http }: HearsayProcess): Promise<number> {
  const { body } = await httpRequest('GET', `${http}/v1/agent/metrics?format=prometheus`);
  const counts = [...body.matchAll(/^hearsay_http_requests_total\{.*status="40[35]"\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

test.skipIf(!isInstalled('chromium'))(
  'a page in Chromium writes nothing, with the settings as they are by default (skipped where chromium is not installed)',
  async () => {
    const ann = await startHearsay({ name: 'ann', ip: HOSTS.ip });
    const victims = WRITES.flatMap(({ path }) => /deregister\/(.+)/.exec(path)?.[1] ?? []).sort();
    for (const victim of victims) await register(ann.http, { ID: victim, Name: victim, Port: 80 });
    const before = { services: victims, events: [], statuses: ['alive'] };
    expect(await writtenState(ann)).toEqual(before);

    const site = await serveHostileSite(NET, HOSTS, REBOUND);
    const profile = mkdtempSync(join(tmpdir(), 'hearsay-chromium-'));
    const browser = startChromium(profile, site);
    try {
      const count = LABELS.length * ATTACKS.length;
      await waitUntil('the pages have tried all', 60_000, () => {
        if (browser.child.exitCode !== null) throw new Error(browser.log());
        return site.statuses !== undefined && site.seen.length >= count;
      });
      expect(site.statuses).toEqual(REBOUND.map(() => 403));
      expect(await writtenState(ann)).toEqual(before);
      // Beacons are sent when the browser finds the time.
      const all = count + REBOUND.length;
      await waitUntil(
        'the agent has refused each request',
        10_000,
        async () => (await refusals(ann)) === all,
      );
      expect(await writtenState(ann)).toEqual(before);

      // The browser sends each of them; those that are more than a form could send it asks for first.
      const sent = ATTACKS.map((attack) => requestOf(attack, 'own')).map(({ method, path }) =>
        method === 'GET' || method === 'POST' ? `${method} ${path}` : `OPTIONS ${path}`,
      );
      const toOwn = site.seen.filter(({ host }) => host.startsWith(HOSTS.own));
      expect(toOwn.map(({ line }) => line).sort()).toEqual(sent.sort());
      // The premise of T13: to a name a GET has nothing that tells a page.
      expect(toOwn.filter(({ line, telling }) => line.startsWith('GET') && telling.length > 0)).toEqual([]);
    } finally {
      site.close();
      browser.child.kill('SIGKILL');
      await waitUntil('the browser has ended', 10_000, () => browser.child.signalCode !== null);
      rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    }

    // Sent by a program, each of them writes. There is no gossip key to delete: that is another answer than a refusal.
    for (const { method, path, body } of WRITES) {
      const { status } = await httpRequest(method, ann.http + path, { body });
      expect(`${method} ${path} ${status}`).toBe(`${method} ${path} ${method === 'DELETE' ? KEYLESS : 200}`);
    }
    const events = WRITES.flatMap(({ path }) => /fire\/(.+)/.exec(path)?.[1] ?? []).sort();
    const services = [...LABELS, 'rebound'].map((label) => `fetch-json-${label}`).sort();
    expect(await writtenState(ann)).toEqual({ services, events, statuses: ['alive'] });
  },
);
