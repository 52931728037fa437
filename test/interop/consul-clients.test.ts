/**
 * Programs written for Consul, as they are: each against a cluster of three while an instance on another agent comes,
 * fails its check, recovers and goes. DNS stands on port 53 of the first agent, since resolvers know no other.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Consul from 'consul';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { getJson, httpRequest } from '../support/http.ts';
import { type AgentProcess, isInstalled, killProcesses, startHearsay } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const run = promisify(execFile);
const ip = (host: number): string => `127.0.64.${host}`;
const SEEN_WITHIN = 30_000;
const isRoot = process.getuid?.() === 0;

type Ours = AgentProcess & { readonly http: string };
let dir = '';
let agents: Ours[] = [];
const started: ChildProcess[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'hearsay-clients-'));
  writeFileSync(join(dir, 'resolv.conf'), `nameserver ${ip(1)}\noptions timeout:1 attempts:2\n`);
  agents = [];
  for (let i = 1; i <= 3; i++) {
    const args = i === 1 && isRoot ? ['--dns', `${ip(1)}:53`] : [];
    agents.push(await startHearsay({ name: `n${i}`, ip: ip(i), args, ...(i === 1 ? {} : { join: ip(1) }) }));
  }
  await put(1, '/v1/agent/service/register', { Name: 'web', ID: 'web-1', Port: 8081, Tags: ['v1'] });
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await killProcesses();
  rmSync(dir, { recursive: true });
});

const put = async (agent: number, path: string, body?: unknown): Promise<void> => {
  const answer = await httpRequest('PUT', `${agents[agent - 1]?.http}${path}`, {
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  expect(`${answer.status} ${answer.body}`).toMatch(/^200 /);
};

/** The instances a client would connect to, by port, sorted. `web-1` on 8081 is always there. */
type Look = () => string | Promise<string>;

/** An instance on the second agent lives its life; the client looks at the first. */
async function life(look: Look): Promise<void> {
  const sees = (ports: string): Promise<true> =>
    waitUntil(`the client sees ${ports}`, SEEN_WITHIN, async () => {
      const seen = await look();
      if (seen !== ports) throw new Error(`it sees ${seen}`);
      return true as const;
    });
  await sees('8081');
  await put(2, '/v1/agent/service/register', {
    Name: 'web',
    ID: 'web-2',
    Port: 8082,
    Check: { CheckID: 'alive', TTL: '1h', Status: 'passing' },
  });
  await sees('8081 8082');
  await put(2, '/v1/agent/check/fail/alive');
  await sees('8081');
  await put(2, '/v1/agent/check/pass/alive');
  await sees('8081 8082');
  await put(2, '/v1/agent/service/deregister/web-2');
  await sees('8081');
}

const sorted = (ports: Iterable<number | string>): string => [...ports].map(String).sort().join(' ');

/** The last of major 1, which many programs still have. It has no types of its own; what is used of it here is the same. */
const Consul1 = createRequire(import.meta.url)('consul1') as typeof Consul;

describe.each([
  ['2', Consul],
  ['1', Consul1],
])('consul %s for Node, from npm', (_, Consul) => {
  const consul = new Consul({ host: ip(1), port: 8500 });

  test('health.service and watch, which blocks', async () => {
    const watch = consul.watch({
      method: consul.health.service,
      options: { service: 'web', passing: 'true' },
    });
    let seen = '';
    const errors: unknown[] = [];
    watch.on('change', (entries: readonly { Service: { Port: number } }[]) => {
      seen = sorted(entries.map(({ Service }) => Service.Port));
    });
    watch.on('error', (error) => errors.push(error));
    await life(() => seen);
    watch.end();
    expect(errors).toEqual([]);
  });

  test('agent and catalog: registers itself, finds itself elsewhere, and goes', async () => {
    const job = { name: 'job', id: 'job-1', port: 9000, check: { name: 'own word', ttl: '1h' } };
    // Its types want fields of a check that neither it nor Consul needs.
    await consul.agent.service.register(job as { name: string });
    await consul.agent.check.pass('service:job-1');
    expect(Object.keys(await consul.agent.services())).toContain('job-1');
    const there = new Consul({ host: ip(3), port: 8500 });
    await waitUntil('the third agent has it', SEEN_WITHIN, async () => {
      const [one] = (await there.health.service({ service: 'job', passing: true })) as unknown[];
      return one !== undefined;
    });
    expect(Object.keys(await there.catalog.service.list())).toContain('job');
    expect(await there.catalog.datacenters()).toEqual(['dc1']);
    const nodes = (await there.catalog.node.list()) as { Node: string }[];
    expect(nodes.map(({ Node }) => Node).sort()).toEqual(['n1', 'n2', 'n3']);
    expect(await there.status.leader()).toMatch(/:8300$/);
    expect((await consul.agent.members()).length).toBe(3);
    await consul.agent.maintenance({ enable: true, reason: 'new disk' });
    await waitUntil('it is out', SEEN_WITHIN, async () => {
      const rows = (await there.health.service({ service: 'job', passing: true })) as unknown[];
      return rows.length === 0;
    });
    await consul.agent.maintenance({ enable: false });
    await consul.agent.service.deregister('job-1');
    await waitUntil('it is gone', SEEN_WITHIN, async () => !('job' in (await there.catalog.service.list())));
  });

  test('its errors say what is not offered: it shows bodies of fewer than 80 characters', async () => {
    await expect(consul.kv.get('a')).rejects.toThrow(/keys and values/);
    await expect(consul.session.create({})).rejects.toThrow(/session/i);
  });
});

const PYTHON = `
import consul, sys
client = consul.Consul(host=sys.argv[1], port=8500)
index = None
while True:
    index, entries = client.health.service('web', index=index, wait='10s', passing=True)
    print(' '.join(sorted(str(entry['Service']['Port']) for entry in entries)), flush=True)
`;

describe.skipIf(!hasPythonConsul())('python3-consul, from Debian', () => {
  test('health.service in a loop of blocking queries', async () => {
    const child = spawn('/usr/bin/python3', ['-c', PYTHON, ip(1)], { stdio: ['ignore', 'pipe', 'inherit'] });
    started.push(child);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await life(() => said.split('\n').at(-2) ?? '');
    expect(child.exitCode).toBeNull();
  });
});

/** Debian builds it without its own Consul discovery. */
const PROMETHEUS = (http: string): string => `
global: { scrape_interval: 1h }
scrape_configs:
  - job_name: by-http
    http_sd_configs: [{ url: '${http}/v1/hearsay/prometheus?service=web', refresh_interval: 1s }]
    relabel_configs:
      - { source_labels: [__meta_consul_health], regex: passing, action: keep }
  - job_name: by-dns
    dns_sd_configs: [{ names: ['web.service.consul'], refresh_interval: 1s }]
`;

interface Targets {
  readonly data: { readonly activeTargets: readonly { readonly labels: Record<string, string> }[] };
}

describe.skipIf(!isInstalled('prometheus') || !isRoot)('prometheus, from Debian', () => {
  test('http_sd_configs with the labels of Consul, and dns_sd_configs', async () => {
    const config = join(dir, 'prometheus.yml');
    writeFileSync(config, PROMETHEUS(`http://${ip(1)}:8500`));
    const words = [
      'prometheus',
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(dir, 'tsdb')}`,
      `--web.listen-address=${ip(1)}:9090`,
      '--log.level=warn',
    ];
    started.push(spawnResolving(words));
    const job = (name: string): Look => {
      return async () => {
        const { data } = await getJson<Targets>(`http://${ip(1)}:9090/api/v1/targets?state=active`);
        const own = data.activeTargets.filter(({ labels }) => labels['job'] === name);
        return sorted(own.map(({ labels }) => labels['instance']?.split(':').at(-1) ?? ''));
      };
    };
    await life(async () => {
      const [byHttp, byDns] = await Promise.all([job('by-http')(), job('by-dns')()]);
      return byHttp === byDns ? byHttp : `${byHttp} by HTTP, ${byDns} by DNS`;
    });
  });
});

describe.skipIf(!isRoot)('getent, through the resolver of the C library', () => {
  test('an address under a name, while there is an instance', async () => {
    const address = async (name: string): Promise<string> => {
      try {
        const { stdout } = await run('unshare', resolving(['getent', 'ahosts', name]));
        return sorted(new Set(stdout.split('\n').flatMap((line) => line.split(' ')[0] || [])));
      } catch {
        return '';
      }
    };
    expect(await address('web.service.consul')).toBe(ip(1));
    expect(await address('n2.node.consul')).toBe(ip(2));
    expect(await address('nobody.service.consul')).toBe('');
  });
});

/** With our own `/etc/resolv.conf`, in a mount namespace so that nobody else sees it. */
const resolving = (words: readonly string[]): string[] => [
  ...['--mount', 'sh', '-c', `mount --bind ${join(dir, 'resolv.conf')} /etc/resolv.conf && exec "$@"`, 'sh'],
  ...words,
];

const spawnResolving = (words: readonly string[]): ChildProcess =>
  spawn('unshare', ['--kill-child', '--fork', ...resolving(words)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });

/** Debian's own Python: another one may stand before it on the path. */
function hasPythonConsul(): boolean {
  return spawnSync('/usr/bin/python3', ['-c', 'import consul']).status === 0;
}
