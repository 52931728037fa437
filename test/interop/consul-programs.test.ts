/**
 * Programs written for Consul, as Debian ships them, unchanged, beside two agents: Go's resolver reads SRV, HAProxy asks an agent
 * whether an instance is well, and Caddy routes by
 * SRV. What is not installed is skipped by name.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { httpRequest } from '../support/http.ts';
import { isInstalled, killProcesses, startHearsay, startProgram } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const run = promisify(execFile);
const ip = (host: number): string => `127.25.1.${host}`;
const [ONE, TWO] = [ip(1), ip(2)];
const INSTANCES = [ip(11), ip(12)];
const PORT = 8080;
const SEEN = 30_000;

for (const program of ['go', 'haproxy', 'caddy'])
  if (!isInstalled(program)) console.warn(`${program} is not installed: it is not tried beside hearsay`);

let dir = '';
const servers: Server[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-consul-programs-'));
  for (const host of INSTANCES) {
    const server = createServer((_, answer) => answer.setHeader('connection', 'close').end(host));
    await new Promise<void>((listening) => server.listen(PORT, host, listening));
    servers.push(server);
  }
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(dir, { recursive: true });
});

beforeEach(async () => {
  await startHearsay({ name: 'one', ip: ONE });
  await startHearsay({ name: 'two', ip: TWO, join: `${ONE}:7946` });
});
afterEach(() => killProcesses());

async function put(agent: string, path: string, body: object = {}): Promise<string> {
  const { status, body: said } = await httpRequest('PUT', `http://${agent}:8500${path}`, {
    body: JSON.stringify(body),
  });
  expect([path, status, said.slice(0, 200)]).toEqual([path, 200, expect.any(String)]);
  return said;
}

const register = (agent: string, i: number): Promise<string> =>
  put(agent, '/v1/agent/service/register', {
    ...{ ID: `web-${i}`, Name: 'web', Address: INSTANCES[i], Port: PORT },
    Check: { CheckID: `web-${i}`, TTL: '10m', Status: 'passing' },
  });

/** Who answers when asked so often. */
async function visit(url: string): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 16; i++) {
    const { status, body } = await httpRequest('GET', url);
    if (status !== 200) throw new Error(`${url}: ${status}`);
    seen.add(body);
  }
  return [...seen].sort();
}

function file(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

/** Go's own resolver, which refused SRV records whose targets were compressed. */
const GO = `package main

import (
	"context"
	"fmt"
	"net"
	"os"
)

func main() {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, os.Args[1])
	}}
	_, records, err := resolver.LookupSRV(context.Background(), "web", "tcp", "service.consul")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, record := range records {
		addresses, err := resolver.LookupHost(context.Background(), record.Target)
		fmt.Println(record.Port, addresses, err)
	}
}
`;

test.skipIf(!isInstalled('go'))(
  "Go's net.LookupSRV reads the records of both instances, and resolves their targets",
  async () => {
    await register(ONE, 0);
    await register(TWO, 1);
    const program = join(dir, 'lookup');
    const env = {
      ...process.env,
      GOCACHE: join(dir, 'cache'),
      GO111MODULE: 'off',
      CGO_ENABLED: '0',
      GOFLAGS: '-p=1',
    };
    await run('go', ['build', '-o', program, file('lookup.go', GO)], { env, timeout: 240_000 });
    await waitUntil('both instances', SEEN, async () => {
      const { stdout } = await run(program, [`${ONE}:8600`]);
      const lines = stdout.trim().split('\n').sort();
      return lines.join() === INSTANCES.map((host) => `${PORT} [${host}] <nil>`).join();
    });
  },
  300_000,
);

const HAPROXY = `defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend web
  bind ${ip(81)}:8000
  default_backend web
backend web
  option httpchk GET /v1/agent/health/service/id/web-0
  server zero ${INSTANCES[0]}:${PORT} check addr ${ONE} port 8500 inter 300ms fall 1 rise 1
frontend state
  bind ${ip(81)}:8001
  stats enable
  stats uri /state
`;

test.skipIf(!isInstalled('haproxy'))(
  'HAProxy: option httpchk at an agent is UP, DOWN and UP with the check of the instance',
  async () => {
    await register(ONE, 0);
    startProgram('haproxy', ['-db', '-f', file('haproxy.cfg', HAPROXY)]);
    const becomes = (wanted: RegExp, what: string): Promise<unknown> =>
      waitUntil(what, SEEN, async () => {
        const { body } = await httpRequest('GET', `http://${ip(81)}:8001/state;csv`);
        const row = body.split('\n').find((line) => line.startsWith('web,zero,')) ?? '';
        return wanted.test(row.split(',')[17] ?? '');
      });
    await becomes(/^UP/, 'it is up');
    expect(await visit(`http://${ip(81)}:8000/`)).toEqual([INSTANCES[0]]);
    await put(ONE, '/v1/agent/check/fail/web-0');
    await becomes(/^DOWN/, 'it is down');
    await put(ONE, '/v1/agent/check/pass/web-0');
    await becomes(/^UP/, 'it is up again');
  },
);

/** The targets are names in our domain, which Caddy asks its transport's resolvers for. */
const CADDY = `{
	admin off
	auto_https off
	storage file_system DIR
}
http://${ip(82)}:8000 {
	bind ${ip(82)}
	reverse_proxy {
		dynamic srv {
			name _web._tcp.service.consul
			refresh 500ms
			resolvers ${TWO}:8600
		}
		lb_policy round_robin
		transport http {
			resolvers ${TWO}:8600
		}
	}
}
`;

test.skipIf(!isInstalled('caddy'))('Caddy: dynamic srv follows instances that come and go', async () => {
  await register(ONE, 0);
  const path = file('Caddyfile', CADDY.replace('DIR', join(dir, 'caddy')));
  startProgram('caddy', ['run', '--config', path, '--adapter', 'caddyfile']);
  const url = `http://${ip(82)}:8000/`;
  const sees = (hosts: readonly (string | undefined)[]): Promise<unknown> =>
    waitUntil(`caddy sees ${hosts.join(' ')}`, SEEN, async () => (await visit(url)).join() === hosts.join());
  await sees([INSTANCES[0]]);
  await register(TWO, 1);
  await sees(INSTANCES);
  await put(ONE, '/v1/agent/service/deregister/web-0');
  await sees([INSTANCES[1]]);
});
