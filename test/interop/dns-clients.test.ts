/**
 * Resolvers and proxies as Debian ships them, unchanged, in front of three agents: each sees an instance come, fail its
 * check, recover and go. What is not installed is skipped by name. The configurations are those of docs/guides/.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { httpRequest } from '../support/http.ts';
import {
  type AgentProcess,
  isInstalled,
  killProcesses,
  startHearsay,
  startProgram,
} from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

type Ours = AgentProcess & { readonly http: string };
const run = promisify(execFile);

const ip = (host: number): string => `127.0.88.${host}`;
const AGENTS = [ip(1), ip(2), ip(3)];
/** Where the instances are: one beside each agent, all on one port, as names without a port need it. */
const INSTANCES = [ip(11), ip(12), ip(13)];
const PORT = 8080;
/** What a change may take from its agent through gossip and a client's own period, on a busy machine. */
const SEEN = 30_000;

let dir = '';
const servers: Server[] = [];
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-dns-clients-'));
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

let agents: readonly Ours[] = [];
beforeEach(async () => {
  const [first = '', ...others] = AGENTS;
  const seed = await startHearsay({ name: 'a1', ip: first });
  const rest = await Promise.all(
    others.map((at, i) => startHearsay({ name: `a${i + 2}`, ip: at, join: `${first}:7946` })),
  );
  agents = [seed, ...rest];
});
afterEach(() => killProcesses());

const agent = (i: number): Ours => agents[i] as Ours;

async function put(i: number, path: string, body?: unknown): Promise<void> {
  const options = body === undefined ? {} : { body: JSON.stringify(body) };
  const { status, body: said } = await httpRequest('PUT', `${agent(i).http}${path}`, options);
  expect(status, said).toBe(200);
}

const comes = (i: number): Promise<void> =>
  put(i, '/v1/agent/service/register', {
    ...{ ID: `web-${i}`, Name: 'web', Address: INSTANCES[i], Port: PORT },
    Check: { CheckID: `web-${i}`, TTL: '10m', Status: 'passing' },
  });
const fails = (i: number): Promise<void> => put(i, `/v1/agent/check/fail/web-${i}`);
const recovers = (i: number): Promise<void> => put(i, `/v1/agent/check/pass/web-${i}`);
const goes = (i: number): Promise<void> => put(i, `/v1/agent/service/deregister/web-${i}`);

/** The plot, for whoever can tell which instances it sees. */
async function story(sees: () => Promise<readonly string[]>): Promise<void> {
  const all = async (what: string, wanted: readonly number[]): Promise<void> => {
    const hosts = wanted.map((i) => INSTANCES[i]).join(' ');
    let last = '';
    await waitUntil(`${what}: ${hosts}`, SEEN, async () => {
      last = [...(await sees())].sort().join(' ');
      if (last !== hosts) throw new Error(`it sees: ${last}`);
      return true;
    });
  };
  await comes(0);
  await comes(1);
  await all('two instances', [0, 1]);
  await comes(2);
  await all('one has come', [0, 1, 2]);
  await fails(1);
  await all('one has failed', [0, 2]);
  await recovers(1);
  await all('it has recovered', [0, 1, 2]);
  await goes(2);
  await all('one has gone', [0, 1]);
}

function config(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

async function dig(at: string, port: number, ...words: string[]): Promise<string[]> {
  const { stdout } = await run('dig', [`@${at}`, '-p', String(port), '+short', '+tries=1', ...words]);
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
}

/** Targets of SRV records, each asked for as Prometheus and Caddy do. */
async function digSrv(at: string, port: number): Promise<string[]> {
  const records = await dig(at, port, '_web._tcp.service.consul', 'SRV');
  const found = records.map(async (line) => {
    const [priority, weight, asked, target = ''] = line.split(' ');
    expect([priority, weight, asked]).toEqual(['1', '1', String(PORT)]);
    return dig(at, port, target, 'A');
  });
  return (await Promise.all(found)).flat();
}

/** Who answers when asked so often: all that are used in turn. */
async function visit(url: string): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 24; i++) {
    const { status, body } = await httpRequest('GET', url);
    if (status !== 200) throw new Error(`${url}: ${status}`);
    seen.add(body);
  }
  return [...seen];
}

const UNBOUND = `server:
  interface: ${ip(53)}@5300
  access-control: 127.0.0.0/8 allow
  directory: ""
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  module-config: "iterator"
  qname-minimisation: yes
  qname-minimisation-strict: yes
  do-not-query-localhost: no
  domain-insecure: "consul"
remote-control:
  control-enable: no
stub-zone:
  name: "consul"
  stub-addr: ${AGENTS[0]}@8600
  stub-addr: ${AGENTS[1]}@8600
`;

const DNSMASQ = `user=root
pid-file=
listen-address=${ip(54)}
bind-interfaces
no-resolv
no-hosts
server=/consul/${AGENTS[0]}#8600
`;

const NGINX = (base: string): string => `daemon off;
master_process off;
pid ${base}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path ${base}/body;
  proxy_temp_path ${base}/proxy;
  fastcgi_temp_path ${base}/fastcgi;
  uwsgi_temp_path ${base}/uwsgi;
  scgi_temp_path ${base}/scgi;
  server {
    listen ${ip(80)}:8000;
    resolver ${AGENTS[0]}:8600 valid=1s;
    set $web web.service.consul;
    location / {
      proxy_pass http://$web:${PORT};
    }
  }
}
`;

const HAPROXY = `defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
resolvers hearsay
  nameserver agent ${AGENTS[0]}:8600
  accepted_payload_size 8192
  timeout resolve 1s
  hold valid 1s
  hold nx 1s
  hold obsolete 1s
frontend by_srv
  bind ${ip(81)}:8000
  default_backend by_srv
backend by_srv
  server-template web 10 _web._tcp.service.consul resolvers hearsay resolve-prefer ipv4 init-addr none check
frontend by_a
  bind ${ip(81)}:8001
  default_backend by_a
backend by_a
  server-template web 10 web.service.consul:${PORT} resolvers hearsay resolve-prefer ipv4 init-addr none check
`;

describe('asked directly', () => {
  test.skipIf(!isInstalled('dig'))(
    'dig: A, and SRV whose targets resolve, at an agent none of them is on',
    async () => {
      await story(() => dig(AGENTS[2] as string, 8600, 'web.service.consul', 'A'));
      expect((await digSrv(AGENTS[2] as string, 8600)).sort()).toEqual(INSTANCES.slice(0, 2));
    },
  );

  test.skipIf(!isInstalled('kdig'))('kdig: over UDP and over TCP, with a cookie', async () => {
    const kdig = async (...words: string[]): Promise<string[]> => {
      const at = [`@${AGENTS[1]}`, '-p', '8600', '+short', '+cookie'];
      const { stdout } = await run('kdig', [...at, ...words, 'web.service.hearsay', 'A']);
      return stdout.split('\n').filter((line) => line !== '');
    };
    await story(async () => {
      const udp = (await kdig()).sort();
      expect((await kdig('+tcp')).sort()).toEqual(udp);
      return udp;
    });
  });
});

describe('through a resolver', () => {
  test.skipIf(!isInstalled('unbound') || !isInstalled('dig'))(
    'N3 unbound with strict QNAME minimisation and a stub zone: A, SRV, and each target',
    async () => {
      const { log } = startProgram('unbound', ['-d', '-d', '-c', config('unbound.conf', UNBOUND)]);
      await waitUntil('unbound answers', SEEN, async () => {
        if (/error|fatal/.test(log())) throw new Error(log());
        return dig(ip(53), 5300, 'consul', 'SOA').then((lines) => lines.length > 0);
      });
      await story(() => dig(ip(53), 5300, 'web.service.consul', 'A'));
      expect((await digSrv(ip(53), 5300)).sort()).toEqual(INSTANCES.slice(0, 2));
      expect(await dig(ip(53), 5300, 'a3.node.dc1.consul', 'A')).toEqual([AGENTS[2]]);
    },
  );

  const isRoot = process.getuid?.() === 0;
  test.skipIf(!isInstalled('dnsmasq') || !isInstalled('dig') || !isRoot)(
    'dnsmasq: A and SRV through it, and getent as any program of the host',
    async () => {
      const { log } = startProgram('dnsmasq', [
        '-k',
        '-C',
        config('dnsmasq.conf', DNSMASQ),
        '--log-facility=-',
      ]);
      await waitUntil('dnsmasq answers', SEEN, async () => {
        if (/FAILED|failed/.test(log())) throw new Error(log());
        return dig(ip(54), 53, 'consul', 'SOA').then((lines) => lines.length > 0);
      });
      await story(() => dig(ip(54), 53, 'web.service.consul', 'A'));
      expect((await digSrv(ip(54), 53)).sort()).toEqual(INSTANCES.slice(0, 2));

      const resolvConf = config('resolv.conf', `nameserver ${ip(54)}\n`);
      const inside = `mount --bind ${resolvConf} /etc/resolv.conf && getent ahosts web.service.consul`;
      const { stdout } = await run('unshare', ['--mount', 'sh', '-c', inside]);
      const found = [...stdout.matchAll(/^(\S+)\s+STREAM/gm)].map(([, address]) => address);
      expect(found.sort()).toEqual(INSTANCES.slice(0, 2));
    },
  );
});

describe('through a proxy', () => {
  test.skipIf(!isInstalled('nginx'))('nginx: a variable upstream, resolved while it runs', async () => {
    startProgram('nginx', ['-p', dir, '-c', config('nginx.conf', NGINX(dir))]);
    await story(() => visit(`http://${ip(80)}:8000/`));
  });

  test.skipIf(!isInstalled('haproxy')).each([
    ['SRV', 8000],
    ['A', 8001],
  ])('haproxy: server-template by %s', async (_, port) => {
    startProgram('haproxy', ['-db', '-f', config('haproxy.cfg', HAPROXY)]);
    await story(() => visit(`http://${ip(81)}:${port}/`));
  });
});
