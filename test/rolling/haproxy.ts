/** The client that does not know the library: Debian's HAProxy, whose servers `hearsay sync haproxy` keeps. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HaproxyRuntimeApi } from '../../src/sync/haproxy/runtime-api.ts';
import { startProgram } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const BIN = join(import.meta.dirname, '../../bin/hearsay.js');
const PORT = 8000;
const PATIENCE = 60_000;

const CONFIG = (socket: string, ip: string): string => `global
  stats socket ${socket} mode 600 level admin
  maxconn 200
defaults
  mode http
  timeout connect 2s
  timeout client 10s
  timeout server 10s
frontend web
  bind ${ip}:${PORT}
  default_backend web
backend web
  balance roundrobin
`;

export interface RollingHaproxy {
  /** Resolves to the answer of an instance. */
  send(): Promise<string>;
  /** How many servers get requests. */
  servers(): Promise<number>;
  close(): void;
}

/** HAProxy at `ip`, in step with the service `web` as the agent at `http` sees it. */
export async function startRollingHaproxy(ip: string, http: string): Promise<RollingHaproxy> {
  const dir = mkdtempSync(join(tmpdir(), 'hearsay-rolling-'));
  const socket = join(dir, 'admin.sock');
  writeFileSync(join(dir, 'haproxy.cfg'), CONFIG(socket, ip));
  const haproxy = startProgram('haproxy', ['-db', '-f', join(dir, 'haproxy.cfg')]);
  const api = new HaproxyRuntimeApi({ path: socket });
  await waitUntil('HAProxy answers', PATIENCE, async () => (await api.backends()).includes('web'));
  const sync = startProgram(process.execPath, [
    ...[BIN, 'sync', 'haproxy', '--socket', socket, '--http-addr', http, '--backend', 'web=web'],
  ]);
  const agent = new Agent({ keepAlive: true });
  return {
    send: () => send(ip, agent),
    servers: async () => (await api.slots('web')).filter(({ state }) => state === 'ready').length,
    close: () => {
      agent.destroy();
      for (const { child } of [sync, haproxy]) child.kill('SIGKILL');
      rmSync(dir, { recursive: true });
    },
  };
}

const send = (host: string, agent: Agent): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ host, port: PORT, agent }, (incoming) => {
      let text = '';
      incoming.on('data', (chunk) => {
        text += chunk;
      });
      incoming.on('end', () =>
        incoming.statusCode === 200 ? resolve(text) : reject(new Error(`${incoming.statusCode} ${text}`)),
      );
      incoming.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
