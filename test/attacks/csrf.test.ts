/** S12, T13: a page of another site that writes with GET (finding 15 of issue 14). Its requests are those of Chromium. */
import { afterEach, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { register } from './attacker.ts';

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
