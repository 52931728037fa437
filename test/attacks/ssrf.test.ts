/** S15: checks of a tenant as a scanner and as a command (finding 16 of issue 14). */
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

afterEach(killProcesses);

/** Another address in the network of an interface that is not loopback; of a documentation network if there is none. */
function neighbor(): string {
  const own = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const one = own.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (one === undefined) return '192.0.2.77';
  const octets = one.address.split('.').map(Number);
  return [...octets.slice(0, 3), (octets[3] as number) ^ 1].join('.');
}

test('a check does not scan the subnet, follows one redirect, and gives no agent orders', async () => {
  const ann = await startHearsay({ name: 'ann', ip: '127.78.31.1' });
  const heard: (string | undefined)[] = [];
  const service = createServer((request, response) => {
    heard.push(request.headers.authorization);
    const hops = Number(request.url?.slice(1));
    if (hops > 0) response.writeHead(302, { location: `/${hops - 1}` }).end();
    else if (request.url === '/other')
      response.writeHead(302, { location: 'http://127.78.31.2:9001/0' }).end();
    else response.end();
  });
  const there: (string | undefined)[] = [];
  const other = createServer((request, response) => {
    there.push(request.headers.authorization);
    response.end();
  });
  await new Promise<void>((resolve) => service.listen(9000, '127.78.31.2', resolve));
  await new Promise<void>((resolve) => other.listen(9001, '127.78.31.2', resolve));
  try {
    const Header = { Authorization: ['Bearer secret'] };
    const checks: Record<string, object> = {
      scan: { TCP: `${neighbor()}:22` },
      metadata: { HTTP: 'http://169.254.169.254/latest/meta-data/' },
      one: { HTTP: 'http://127.78.31.2:9000/1' },
      two: { HTTP: 'http://127.78.31.2:9000/2' },
      other: { HTTP: 'http://127.78.31.2:9000/other', Header },
      leave: { HTTP: `${ann.http}/v1/agent/leave`, Method: 'PUT' },
      register: { HTTP: `${ann.http}/v1/agent/service/register`, Method: 'PUT', Body: '{"Name":"evil"}' },
    };
    for (const [id, check] of Object.entries(checks)) {
      const body = JSON.stringify({ ID: id, Name: id, Interval: '1s', Timeout: '2s', ...check });
      expect((await httpRequest('PUT', `${ann.http}/v1/agent/check/register`, { body })).status).toBe(200);
    }
    type Row = { Status: string; Output: string };
    const rows = () => getJson<Record<string, Row>>(`${ann.http}/v1/agent/checks`);
    await waitUntil('all have run', 15_000, async () =>
      Object.values(await rows()).every(({ Output }) => Output !== ''),
    );
    const found = await rows();
    const show = (id: string): string => `${found[id]?.Status}: ${found[id]?.Output}`;
    expect(show('scan')).toMatch(/^critical: .*is denied to checks/);
    expect(show('metadata')).toMatch(/^critical: .*is denied to checks/);
    expect(show('one')).toMatch(/^passing/);
    expect(show('two')).toMatch(/^critical: .*302/);
    for (const id of ['leave', 'register'])
      expect(show(id)).toMatch(/^critical: .*403.*A health check may only read/);
    expect(Object.keys(await getJson<object>(`${ann.http}/v1/agent/services`))).toEqual([]);
    expect(ann.child.exitCode).toBeNull();
    expect(heard).toContain('Bearer secret');
    expect(new Set(there)).toEqual(new Set([undefined]));
  } finally {
    service.close();
    other.close();
  }
});
