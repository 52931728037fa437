/** Real agents as processes on loopback addresses: the built hearsay and Debian's serf, with their logs. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { getJson } from './http.ts';
import { waitUntil } from './wait.ts';

const BIN = fileURLToPath(new URL('../../bin/hearsay.js', import.meta.url));
const run = promisify(execFile);

/** Whether a program is installed; tests that need it are skipped otherwise. */
export const isInstalled = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

export interface ListedMember {
  readonly name: string;
  readonly addr: string;
  readonly status: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** A member as hearsay's API shows it. */
type MemberRow = ListedMember & { readonly port: number };

/** A running agent of either kind. */
export interface AgentProcess {
  readonly kind: 'hearsay' | 'serf';
  readonly name: string;
  /** `127.x.y.z`; gossip is on port 7946 of it. */
  readonly ip: string;
  readonly log: () => string;
  readonly child: ChildProcess;
  /**
   * Members as this agent lists them: what `hearsay members --json` prints, without a process for each look, or what `serf members`
   * prints. `addr` is `ip:port`.
   */
  members(): Promise<readonly ListedMember[]>;
  /** Kills it. */
  kill(): Promise<void>;
  /** Makes it leave, and waits until the process has ended. */
  leave(): Promise<void>;
}

export interface AgentProcessOptions {
  readonly name: string;
  readonly ip: string;
  readonly join?: string;
  /** In base64. */
  readonly key?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** More arguments. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What is run in place of this checkout's built program: another build of it, an executable, a container. */
  readonly program?: readonly string[];
  /** Put before the program, to run it in a namespace for example (netns.ts). */
  readonly commandPrefix?: readonly string[];
  /** The token that reading over HTTP needs. */
  readonly readToken?: string;
  /** Path of a Unix socket for HTTP, which ends in `.sock`. */
  readonly socket?: string;
}

/** A running hearsay agent. */
export type HearsayProcess = AgentProcess & {
  /** Prefix of the paths of its API. */
  readonly http: string;
};

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Kills all processes that tests have left running. */
export async function killProcesses(): Promise<void> {
  await Promise.all([...running].map((child) => endProcess(child, 'SIGKILL')));
}

const tagArgs = (flag: string, tags: Readonly<Record<string, string>> = {}): string[] =>
  Object.entries(tags).flatMap(([key, value]) => [flag, `${key}=${value}`]);

/**
 * Starts `hearsay agent` from the built program, with HTTP on IP:8500 and DNS on IP:8600. Resolves when it answers and,
 * with `join`, has joined.
 */
export async function startHearsay(options: AgentProcessOptions): Promise<HearsayProcess> {
  const { socket } = options;
  const http = socket === undefined ? `http://${options.ip}:8500` : `unix:${socket}`;
  const args = [
    ...['agent', '--node', options.name, '--bind', `${options.ip}:7946`],
    ...['--http', socket === undefined ? `${options.ip}:8500` : `unix:${socket}`],
    ...['--dns', `${options.ip}:8600`],
    ...['--log-level', 'debug', '--log-format', 'json'],
    ...(options.join === undefined ? [] : ['--join', options.join]),
    ...tagArgs('--tag', options.tags),
    ...(options.args ?? []),
  ];
  const env = {
    ...process.env,
    ...(options.key === undefined ? {} : { HEARSAY_GOSSIP_KEY: options.key }),
    ...(options.readToken === undefined ? {} : { HEARSAY_HTTP_READ_TOKEN: options.readToken }),
    ...options.env,
  };
  const [program = '', ...words] = [
    ...(options.commandPrefix ?? []),
    ...(options.program ?? [process.execPath, BIN]),
    ...args,
  ];
  const { child, log } = launch(program, words, env);
  const token = options.readToken === undefined ? '' : `?token=${options.readToken}`;
  await waitUntilReady(options.name, child, log, async () => {
    if (options.join === undefined) return getJson(`${http}/v1/agent/self${token}`);
    return (await getJson<readonly unknown[]>(`${http}/v1/agent/members${token}`)).length > 1;
  });
  return {
    kind: 'hearsay',
    name: options.name,
    ip: options.ip,
    http,
    log,
    child,
    members: async () => {
      const rows = await getJson<readonly MemberRow[]>(`${http}/v1/hearsay/members${token}`);
      return rows.map((row) => ({ ...row, addr: `${row.addr}:${row.port}` }));
    },
    kill: () => endProcess(child, 'SIGKILL'),
    leave: () => endProcess(child, 'SIGTERM'),
  };
}

/** Starts Debian's `serf agent`, with RPC on IP:7373. Resolves when it answers. */
export async function startSerf(options: AgentProcessOptions): Promise<AgentProcess> {
  const rpc = `-rpc-addr=${options.ip}:7373`;
  const args = [
    ...['agent', `-node=${options.name}`, `-bind=${options.ip}:7946`, rpc, '-log-level=debug'],
    ...(options.join === undefined ? [] : [`-join=${options.join}`]),
    ...(options.key === undefined ? [] : [`-encrypt=${options.key}`]),
    ...tagArgs('-tag', options.tags),
    ...(options.args ?? []),
  ];
  const [program = '', ...before] = [...(options.commandPrefix ?? []), 'serf'];
  const { child, log } = launch(program, [...before, ...args], process.env);
  const members = async (): Promise<readonly ListedMember[]> => {
    const { stdout } = await run(program, [...before, 'members', '-format=json', rpc], { timeout: 10_000 });
    return (JSON.parse(stdout) as { members: ListedMember[] }).members;
  };
  await waitUntilReady(options.name, child, log, members);
  return {
    kind: 'serf',
    name: options.name,
    ip: options.ip,
    log,
    child,
    members,
    kill: () => endProcess(child, 'SIGKILL'),
    leave: async () => {
      await run(program, [...before, 'leave', rpc], { timeout: 20_000 }).catch(() => undefined);
      await waitUntil(
        `${options.name} is gone`,
        20_000,
        () => child.exitCode !== null || child.signalCode !== null,
      );
    },
  };
}

export interface ProcessResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one `hearsay` command; `commandPrefix` as in `AgentProcessOptions`. */
export function runHearsay(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  commandPrefix: readonly string[] = [],
): Promise<ProcessResult> {
  const [program = '', ...words] = [...commandPrefix, process.execPath, BIN, ...args];
  return new Promise((resolve) => {
    execFile(
      program,
      words,
      { timeout: 30_000, env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** Starts another program; `killProcesses` kills it too. */
export function startProgram(
  program: string,
  args: readonly string[],
): { readonly child: ChildProcess; readonly log: () => string } {
  return launch(program, args, process.env);
}

function launch(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): { child: ChildProcess; log: () => string } {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const chunks: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
  return { child, log: () => chunks.join('') };
}

async function waitUntilReady(
  name: string,
  child: ChildProcess,
  log: () => string,
  probe: () => Promise<unknown>,
): Promise<void> {
  await waitUntil(`${name} answers`, 30_000, async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${log().slice(-2000)}`);
    return (await probe()) !== false;
  });
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await waitUntil(
    `process ${child.pid} is gone`,
    20_000,
    () => child.exitCode !== null || child.signalCode !== null,
  );
}
