/**
 * Several hosts on one machine: a network namespace each, on a switch of two bridges. The bridge that a host is
 * connected to decides which others it reaches, so a cluster can be partitioned and healed. Needs Linux, root, `ip`,
 * `unshare` and `nsenter`.
 *
 * No namespace has a name: each exists as long as a process that waits for the end of its input. However this process
 * ends, they end with it, and nothing has to be cleaned up.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type HearsayProcess, startHearsay } from './processes.ts';

const run = promisify(execFile);

export interface NetnsHost {
  readonly ip: string;
  /** Put before a command to run it on this host. */
  readonly commandPrefix: readonly string[];
}

export interface NetnsHosts {
  readonly list: readonly NetnsHost[];
  /** Hosts of `side` reach one another only, and so do the others; with none, all reach all. */
  partition(side: readonly NetnsHost[]): Promise<void>;
  /** Runs a command on a host and returns its output. */
  run(host: NetnsHost, program: string, ...args: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** Why network namespaces cannot be used here; `undefined` if they can. */
export function netnsUnsupportedReason(): string | undefined {
  const script =
    'ip link add hub type bridge && ip link add port type veth peer name eth9 && ip link set port master hub';
  if (spawnSync('unshare', ['--net', 'nsenter', '--version']).status !== 0)
    return 'network namespaces need Linux, root, unshare and nsenter';
  const made = spawnSync('unshare', ['--net', 'sh', '-c', script]);
  return made.status === 0 ? undefined : `no bridge in a namespace: ${made.stderr.toString().trim()}`;
}

/** Creates hosts `10.99.0.1` and so on, all reaching all. */
export async function createNetnsHosts(count: number): Promise<NetnsHosts> {
  const keepers: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const keeper of keepers) keeper.stdin?.end();
    await Promise.all(keepers.map((keeper) => (keeper.exitCode === null ? once(keeper, 'exit') : undefined)));
  };
  const namespace = async (): Promise<string> => {
    const keeper = spawn('unshare', ['--net', 'sh', '-c', 'ip link set lo up && echo up && read end'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    keepers.push(keeper);
    await once(keeper.stdout, 'data');
    return String(keeper.pid);
  };
  try {
    const hub = await namespace();
    const atHub = (...words: string[]) => run('nsenter', ['-n', '-t', hub, 'ip', ...words]);
    for (const bridge of ['left', 'right']) {
      await atHub('link', 'add', bridge, 'type', 'bridge');
      await atHub('link', 'set', bridge, 'up');
    }
    const list: NetnsHost[] = [];
    for (let i = 1; i <= count; i++) {
      const pid = await namespace();
      const ip = `10.99.0.${i}`;
      const inside = ['nsenter', '-n', '-t', pid];
      await atHub('link', 'add', `port${i}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pid);
      await atHub('link', 'set', `port${i}`, 'master', 'left', 'up');
      await run('nsenter', [...inside.slice(1), 'ip', 'addr', 'add', `${ip}/24`, 'dev', 'eth0']);
      await run('nsenter', [...inside.slice(1), 'ip', 'link', 'set', 'eth0', 'up']);
      list.push({ ip, commandPrefix: inside });
    }
    return {
      list,
      partition: async (side) => {
        for (const [i, host] of list.entries())
          await atHub('link', 'set', `port${i + 1}`, 'master', side.includes(host) ? 'right' : 'left');
      },
      run: async (host, program, ...args) => {
        const [nsenter = '', ...words] = host.commandPrefix;
        return (await run(nsenter, [...words, program, ...args])).stdout;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** An agent on each host, with these names; all join the first. Their HTTP sockets are in `dir`, where this side can reach them. */
export const startOnHosts = (
  { list }: NetnsHosts,
  names: readonly string[],
  dir: string,
): Promise<readonly HearsayProcess[]> =>
  Promise.all(
    list.map(({ ip, commandPrefix }, i) =>
      startHearsay({
        ...{ name: names[i] as string, ip, commandPrefix, socket: join(dir, `${names[i]}.sock`) },
        args: ['--retry-join', list[0]?.ip ?? ''],
      }),
    ),
  );
