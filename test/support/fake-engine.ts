/**
 * A container engine on a Unix socket that answers the three requests hearsay makes, as Docker does, and misbehaves as told: it stalls,
 * lies, truncates, forgets events and restarts.
 */

import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the container to one of the host, on all addresses. */
  readonly ports: Readonly<Record<string, number>>;
  readonly env?: readonly string[];
  readonly networkMode?: string;
  status: 'running' | 'exited' | 'paused';
  exitCode: number;
  outOfMemory: boolean;
  health?: { status: 'starting' | 'healthy' | 'unhealthy'; output: string };
}

/** How it misbehaves now. `lost`: events are not told; `truncated`: a list ends in the middle; `garbage`: no JSON. */
export type Trouble = 'none' | 'stalled' | 'truncated' | 'garbage' | 'forbidden' | 'lost' | 'no-events';

export class FakeEngine {
  readonly path: string;
  readonly containers = new Map<string, FakeContainer>();
  trouble: Trouble = 'none';
  /** Requests by path, without IDs. */
  readonly requests = new Map<string, number>();
  readonly #streams = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #count = 0;

  constructor(path: string) {
    this.path = path;
  }

  async start(): Promise<void> {
    rmSync(this.path, { force: true });
    const server = createServer((request, response) => this.#answer(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
    this.#server = server;
  }

  /** Its containers live on, as with Docker's live-restore and with Podman. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#streams.clear();
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    rmSync(this.path, { force: true });
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  run(draft: Partial<FakeContainer> = {}): FakeContainer {
    const number = ++this.#count;
    const container: FakeContainer = {
      id: number.toString(16).padStart(12, '0').padEnd(64, 'f'),
      name: `container-${number}`,
      labels: { 'hearsay.name': 'web' },
      ports: { '80/tcp': 20_000 + (number % 40_000) },
      ...{ status: 'running', exitCode: 0, outOfMemory: false },
      ...draft,
    };
    this.containers.set(container.id, container);
    this.tell(container.id, 'start');
    return container;
  }

  end(id: string, exitCode = 137, outOfMemory = false): void {
    const container = this.containers.get(id);
    if (container === undefined) return;
    Object.assign(container, { status: 'exited', exitCode, outOfMemory });
    this.tell(id, 'die', { exitCode: String(exitCode) });
  }

  restartContainer(id: string): void {
    const container = this.containers.get(id);
    if (container === undefined) return;
    Object.assign(container, { status: 'running', exitCode: 0, outOfMemory: false });
    this.tell(id, 'start');
  }

  remove(id: string): void {
    this.end(id);
    this.containers.delete(id);
    this.tell(id, 'destroy');
  }

  setHealth(id: string, status: 'starting' | 'healthy' | 'unhealthy', output: string): void {
    const container = this.containers.get(id);
    if (container === undefined) return;
    container.health = { status, output };
    this.tell(id, `health_status: ${status}`);
  }

  tell(id: string, action: string, attributes: Readonly<Record<string, string>> = {}): void {
    if (this.trouble === 'lost') return;
    const event = { Type: 'container', Action: action, Actor: { ID: id, Attributes: attributes } };
    this.say(`${JSON.stringify(event)}\n`);
  }

  endStreams(): void {
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  /** Into all streams of events, as it is. */
  say(text: string): void {
    for (const stream of this.#streams) stream.write(text);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const [path = ''] = (request.url ?? '').split('?');
    const kind = path.replace(/[0-9a-f]{64}/, 'ID');
    this.requests.set(kind, (this.requests.get(kind) ?? 0) + 1);
    if (this.trouble === 'stalled') return;
    const send = (status: number, body: string): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body);
    };
    if (this.trouble === 'forbidden') return send(403, '{}');
    if (path === '/events') {
      if (this.trouble === 'no-events') return send(500, '{}');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      this.#streams.add(response);
      response.on('close', () => this.#streams.delete(response));
      return;
    }
    if (path === '/containers/json') return this.#sendList(response, send);
    const id = /^\/containers\/([0-9a-f]+)\/json$/.exec(path)?.[1] ?? '';
    const found =
      this.containers.get(id) ?? [...this.containers.values()].find((one) => one.id.startsWith(id));
    if (found === undefined) return send(404, '{"message":"no such container"}');
    send(200, this.trouble === 'garbage' ? '<html>' : JSON.stringify(toInspection(found)));
  }

  #sendList(response: ServerResponse, send: (status: number, body: string) => void): void {
    const rows = [...this.containers.values()].filter(({ status }) => status !== 'exited').map(toRow);
    const body = JSON.stringify(rows);
    if (this.trouble === 'garbage') return send(200, '<html>');
    if (this.trouble !== 'truncated') return send(200, body);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(body.slice(0, Math.max(1, body.length / 2)));
    response.end();
  }
}

const bindings = (ports: FakeContainer['ports']) =>
  Object.fromEntries(
    Object.entries(ports).map(([port, host]) => [port, [{ HostIp: '0.0.0.0', HostPort: String(host) }]]),
  );

const toRow = ({ id, name, labels, ports, status, health }: FakeContainer) => ({
  Id: id,
  Names: [`/${name}`],
  Labels: labels,
  State: status,
  Status: `Up 3 seconds${health === undefined ? '' : ` (${health.status === 'starting' ? 'health: starting' : health.status})`}`,
  Ports: Object.entries(ports),
  NetworkSettings: { Networks: {} },
});

const toInspection = ({ id, name, labels, ports, env, networkMode, ...state }: FakeContainer) => ({
  Id: id,
  Name: `/${name}`,
  State: {
    Status: state.status,
    ExitCode: state.exitCode,
    OOMKilled: state.outOfMemory,
    ...(state.health === undefined
      ? {}
      : { Health: { Status: state.health.status, Log: [{ ExitCode: 0, Output: state.health.output }] } }),
  },
  HostConfig: { NetworkMode: networkMode ?? 'bridge' },
  Config: { Image: 'web:1', Labels: labels, Env: env ?? [] },
  NetworkSettings: { Ports: bindings(ports), Networks: {} },
});
