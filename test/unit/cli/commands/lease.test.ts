/** `hearsay lease` and the words that it shares with `hearsay exec`: what is asked of the agent, and how it ends. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCli } from '../../../../src/cli/index.ts';
import { waitUntil } from '../../../support/wait.ts';
import { createFakeProcess, hearsay, unusedUrl } from '../helper.ts';

/** Holds whatever is asked for, until it is released. */
async function startLeasingAgent() {
  const requests: { readonly method: string; readonly url: URL; readonly body: unknown }[] = [];
  let open: ServerResponse | undefined;
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (part: Buffer) => {
      text += part.toString();
    });
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://agent');
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      requests.push({ method: request.method ?? '', url, body });
      if (request.method !== 'PUT') {
        response.end();
        open?.end();
        return;
      }
      open = response;
      const services = (body as { ID: string }[]).map(({ ID }) => ID);
      response.write(`${JSON.stringify({ lease: 'L', service: services[0], services })}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, requests, end: (line: string) => open?.end(`${line}\n`) };
}

async function leasing(...words: readonly string[]) {
  const agent = await startLeasingAgent();
  const process = createFakeProcess();
  const code = runCli(['lease', ...words, '--http-addr', agent.url], process.io);
  await waitUntil('it is held', 5000, () => process.out() !== '');
  return { agent, process, code };
}

describe('hearsay lease', () => {
  test('asks for all services at once, with tags, meta and checks, and releases them at SIGTERM', async () => {
    const options = ['--tag', 'a', '--tag', 'b', '--meta', 'k=v=w', '--check', '/up', '--grace', '1m'];
    const { agent, process, code } = await leasing('web:8080', 'api:81', ...options);
    const common = { Address: '', Tags: ['a', 'b'], Meta: { k: 'v=w' } };
    const check = (port: number) => [{ HTTP: `http://127.0.0.1:${port}/up`, Interval: '5s' }];
    expect(agent.requests[0]?.body).toEqual([
      { ID: 'web-8080', Name: 'web', Port: 8080, ...common, Checks: check(8080) },
      { ID: 'api-81', Name: 'api', Port: 81, ...common, Checks: check(81) },
    ]);
    const lease = agent.requests[0]?.url.searchParams.get('lease');
    expect(agent.requests[0]?.url.searchParams.get('grace')).toBe('1m');
    expect(process.out()).toBe('web-8080 is registered\napi-81 is registered\n');
    process.send('SIGTERM');
    expect(await code).toBe(0);
    expect(agent.requests.slice(1).map(({ method, url }) => `${method} ${url.pathname}`)).toEqual([
      `DELETE /v1/hearsay/lease/${lease}`,
    ]);
    expect([process.err(), process.listeners('SIGTERM'), process.listeners('SIGINT')]).toEqual(['', 0, 0]);
  });

  test('is interrupted by Ctrl-C, in order, with 130', async () => {
    const { agent, process, code } = await leasing('job');
    process.send('SIGINT');
    expect([await code, agent.requests.at(-1)?.method]).toEqual([130, 'DELETE']);
  });

  test('ends with 4 when somebody has deregistered its service', async () => {
    const { agent, process, code } = await leasing('job', '--json');
    agent.end('{"lease":"L","ended":"its services were deregistered"}');
    expect(await code).toBe(4);
    const lines = process.out().trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { services: ['job'], held: true },
      { held: false, ended: true, reason: 'its services were deregistered' },
    ]);
  });

  test('ends with 3 if no agent answers from the first', async () => {
    const ran = await hearsay(['lease', 'web:80', '--http-addr', await unusedUrl()]);
    expect([ran.code, ran.err]).toEqual([3, expect.stringContaining('no agent answers')]);
  });

  test.each([
    [['web:80:81'], '"web:80:81" is not NAME or NAME:PORT'],
    [['web:99999'], '"web:99999" is not NAME or NAME:PORT'],
    [['web:0'], 'port 0 is for `hearsay exec`'],
    [['we b'], 'Invalid service name'],
    [['a', 'b', '--id', 'x'], '--id is for one service'],
    [['web', '--check', '/up'], 'needs a service with a port'],
    [['web:80', '--check', 'what'], '"what" is no /PATH, URL, tcp or HOST:PORT'],
    [['web:80', '--grace', 'soon'], '--grace: "soon" is not a duration'],
    [['web:80', '--meta', 'k'], '"k" must be KEY=VALUE'],
  ])('%j is wrong usage', async (words, sentence) => {
    const ran = await hearsay(['lease', ...words, '--http-addr', 'http://127.0.0.1:1']);
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
