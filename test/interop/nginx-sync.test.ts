/** `hearsay sync nginx` in front of Debian's nginx, under requests, with the template of docs/guides/nginx.md. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { HOSTILE_VALUES } from '../support/hostile-values.ts';
import { httpRequest } from '../support/http.ts';
import {
  type HearsayProcess,
  isInstalled,
  killProcesses,
  runHearsay,
  startHearsay,
  startProgram,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const ip = (host: number): string => `127.54.1.${host}`;
const INSTANCES = [ip(11), ip(12), ip(13), ip(14)];
const PORT = 8080;
const LONGEST = 30_000;
/** Milliseconds from a request to the agent until nginx serves what it says: a burst, a test and a reload on a busy machine. */
const BOUND = 5000;

const guide = readFileSync(new URL('../../docs/guides/nginx.md', import.meta.url), 'utf8');
const TEMPLATE = /```mustache\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
/** What the workers that answer have read. */
const SERVED = `map "" $served { default "{{#service web}}{{id}} {{/service web}}"; }\n`;

const CONFIG = (dir: string): string => `daemon off;
worker_processes 2;
pid ${dir}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  map_hash_bucket_size 4096;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  include ${dir}/web.conf;
  server {
    listen ${ip(80)}:8000;
    location / { proxy_pass http://web; }
    location = /served { return 200 $served; }
  }
}
`;

let dir = '';
let agent: HearsayProcess;
let nginxProcess: ReturnType<typeof startProgram> | undefined;
const servers: Server[] = [];
const at = (name: string): string => join(dir, name);
const nginx = (words: string): string => `nginx -p ${dir} -c ${at('nginx.conf')} ${words}`;
const reloads = (): number => readFileSync(at('reloads'), 'utf8').length;
const isRun = isInstalled('nginx');

beforeAll(async () => {
  for (const host of INSTANCES) {
    const server = createServer((_, answer) => answer.end(host));
    await new Promise<void>((listening) => server.listen(PORT, host, listening));
    servers.push(server);
  }
});
afterAll(() => {
  for (const server of servers) server.close();
});
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-nginx-'));
  writeFileSync(at('nginx.conf'), CONFIG(dir));
  writeFileSync(at('web.mustache'), TEMPLATE + SERVED);
  writeFileSync(at('reloads'), '');
  agent = await startHearsay({ name: 'one', ip: ip(1) });
});
afterEach(async () => {
  // Killed, it would leave its workers behind.
  const { child } = nginxProcess ?? {};
  child?.kill('SIGTERM');
  await waitUntil('nginx has ended', LONGEST, () => child === undefined || child.exitCode !== null);
  nginxProcess = undefined;
  await killProcesses();
  rmSync(dir, { recursive: true });
});

const words = (template: string, ...more: readonly string[]): readonly string[] => [
  ...['sync', 'nginx', '--http-addr', agent.http, '--template', at(template), '--out', at('web.conf')],
  ...['--test', nginx('-t'), '--reload', `printf x >>${at('reloads')}; ${nginx('-s reload')}`, ...more],
];

async function put(path: string, body: object = {}): Promise<void> {
  const { status, body: said } = await httpRequest('PUT', `${agent.http}/v1/agent/service/${path}`, {
    body: JSON.stringify(body),
  });
  expect([status, said]).toEqual([200, '']);
}
const register = (id: string, host: string | undefined, more: object = {}): Promise<void> =>
  put('register', { ID: id, Name: 'web', Address: host, Port: PORT, ...more });

/** On a connection of its own, as workers that were replaced close theirs. */
const ask = (path: string) =>
  httpRequest('GET', `http://${ip(80)}:8000${path}`, { headers: { connection: 'close' } });

/** Resolves to the milliseconds until nginx serves these. */
async function served(...ids: readonly string[]): Promise<number> {
  const begin = performance.now();
  const wanted = [...ids].sort().join(' ');
  await waitUntil(`nginx serves ${wanted}`, LONGEST, async () => {
    const { body } = await ask('/served');
    if (body.trim() !== wanted) throw new Error(`it serves ${body}`);
    return true;
  });
  return performance.now() - begin;
}

/** nginx does not start without the file that it includes. */
async function startNginx(): Promise<void> {
  const first = words('web.mustache', '--once');
  expect(await runHearsay([...first, '--reload', ''])).toMatchObject({ code: 0, stderr: '' });
  nginxProcess = startProgram('nginx', ['-p', dir, '-c', at('nginx.conf')]);
  await waitUntil('nginx answers', LONGEST, async () => (await ask('/served')).status === 200);
}

test.skipIf(!isRun)('each change is served, a burst is one reload, and no request fails', async () => {
  await register('web-0', INSTANCES[0]);
  await startNginx();
  const sync = startProgram(process.execPath, [
    'bin/hearsay.js',
    ...words('web.mustache', '--every', '200ms'),
  ]);
  const seen = new Set<string>();
  let isDone = false;
  const visits = (async () => {
    while (!isDone) {
      const { status, body } = await ask('/').catch(({ message }: Error) => ({ status: 0, body: message }));
      seen.add(status === 200 ? body : `${status} ${body}`);
    }
  })();
  onTestFinished(() => {
    isDone = true;
  });

  // No list comes twice: workers that are being replaced still answer with the one before.
  await register('web-1', INSTANCES[1]);
  await served('web-0', 'web-1').catch((error: Error) => {
    throw new Error(`${error.message}\n${sync.log()}\n${nginxProcess?.log()}`);
  });
  const begun = reloads();
  const latencies: number[] = [];
  for (let i = 0; i < 5; i++) {
    await put(`deregister/web-${i}`);
    latencies.push(await served(`web-${i + 1}`));
    await register(`web-${i + 2}`, INSTANCES[i % INSTANCES.length]);
    latencies.push(await served(`web-${i + 1}`, `web-${i + 2}`));
  }
  expect(reloads() - begun, sync.log()).toBe(latencies.length);
  console.info(`changes served after ${latencies.map(Math.round).join(', ')} ms`);
  expect(Math.max(...latencies)).toBeLessThan(BOUND);

  // It hears of all at once, however long the agent takes for them.
  sync.child.kill('SIGSTOP');
  const many = Array.from({ length: 30 }, (_, i) => `web-${i + 10}`);
  await Promise.all(many.map((id, i) => register(id, INSTANCES[i % INSTANCES.length])));
  sync.child.kill('SIGCONT');
  await served('web-5', 'web-6', ...many);
  expect(reloads() - begun - latencies.length).toBe(1);

  isDone = true;
  await visits;
  expect([...seen].filter((one) => !INSTANCES.includes(one))).toEqual([]);
  expect([sync.child.exitCode, sync.log()]).toEqual([null, expect.not.stringContaining('hearsay:')]);
});

test.skipIf(!isRun)('a template that breaks the test changes nothing, and nginx serves on', async () => {
  await register('web-0', INSTANCES[0]);
  await startNginx();
  const before = readFileSync(at('web.conf'), 'utf8');
  writeFileSync(at('bad.mustache'), TEMPLATE.replace('server {{', 'sever {{'));
  const { code, stderr } = await runHearsay([...words('bad.mustache', '--once')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /web\.conf stays as it was: "nginx .* -t" ended with 1: .*unknown directive "sever"/,
  );
  expect([readFileSync(at('web.conf'), 'utf8'), reloads()]).toEqual([before, 0]);
  expect((await ask('/')).body).toBe(INSTANCES[0]);
});

test.skipIf(!isRun)(
  'no hostile value that an agent takes breaks the configuration, or gets out of it',
  async () => {
    let taken = 0;
    for (const [i, value] of HOSTILE_VALUES.entries()) {
      const { status } = await httpRequest('PUT', `${agent.http}/v1/agent/service/register`, {
        body: JSON.stringify({
          ...{ ID: `web-${i}`, Name: 'web', Address: INSTANCES[0], Port: PORT },
          ...{ Meta: { x: value }, Tags: [value] },
        }),
      });
      if (status === 200) taken += 1;
    }
    expect(taken).toBeGreaterThan(20);
    const hostile = `${TEMPLATE}
# {{#service web}}{{meta.x}} {{#tags}}{{.}}{{/tags}} {{/service web}}
map "" $served { default "{{#service web}}{{meta.x}} {{#tags}}{{.}}{{/tags}} {{/service web}}"; }
map $uri $hostile {
  {{#service web}}
  "{{meta.x}}{{id}}" '{{meta.x}}';
  w-{{meta.x}}-{{id}} w-{{meta.x}};
  {{/service web}}
}
`;
    writeFileSync(at('web.mustache'), hostile);
    await startNginx();
    expect((await ask('/')).body).toBe(INSTANCES[0]);
    expect((await ask('/served')).body).not.toMatch(/[;{}"'$\\\n]/);
    await expect(httpRequest('GET', `http://${ip(80)}:9999/`)).rejects.toThrow('ECONNREFUSED');
  },
);
