/**
 * The README's path on real hosts, line by line: three hosts are started with it, its rotation is done, and each host is
 * restarted with the same command.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import {
  createNetnsHosts,
  type NetnsHost,
  type NetnsHosts,
  netnsUnsupportedReason,
} from '../support/netns.ts';
import { waitUntil } from '../support/wait.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const unsupported = netnsUnsupportedReason();
if (unsupported !== undefined) console.warn(`the README's path on real hosts is not tested: ${unsupported}`);

/** The commands of the section, in order; `output` is what follows them in a console block. */
function commands(): { readonly line: string; readonly output: string }[] {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const section = (readme.split('## On real hosts')[1] ?? '').split('\n## ')[0] ?? '';
  const found: { line: string; output: string }[] = [];
  for (const [, kind, block = ''] of section.matchAll(/```(sh|console)\n([\s\S]*?)```/g))
    for (const line of block.trimEnd().split('\n'))
      if (kind === 'sh') found.push({ line, output: '' });
      else if (line.startsWith('$ ')) found.push({ line: line.slice(2), output: '' });
      else (found.at(-1) as { output: string }).output += `${line}\n`;
  return found;
}

const dir = mkdtempSync(join(tmpdir(), 'hearsay-keys-'));
const agents = new Map<NetnsHost, ChildProcess>();
let hosts: NetnsHosts | undefined;
afterAll(async () => {
  for (const agent of agents.values()) agent.kill('SIGKILL');
  await hosts?.close();
  rmSync(dir, { recursive: true });
});

test.skipIf(unsupported !== undefined)(
  'a rotation and a rolling restart, by the lines of the README',
  async () => {
    const programs = mkdtempSync(join(dir, 'bin-'));
    symlinkSync(join(ROOT, 'bin/hearsay.js'), join(programs, 'hearsay'));
    hosts = await createNetnsHosts(3);
    const all = hosts.list;
    const [first] = all as [NetnsHost];
    const nameOf = (host: NetnsHost): string => `n${all.indexOf(host) + 1}`;
    /** The files and addresses of this test in the places of the README's. */
    const localize = (line: string, host: NetnsHost): string =>
      line
        .replaceAll('/etc/', `${dir}/`)
        .replaceAll('/var/lib/hearsay', join(dir, nameOf(host)))
        .replace('10.0.0.5', all[0]?.ip ?? '')
        .replace('10.0.0.6', all[1]?.ip ?? '');
    const envOf = (host: NetnsHost) => ({
      ...process.env,
      PATH: `${programs}:${process.env['PATH']}`,
      HEARSAY_NODE: nameOf(host), // these hosts share the machine's name
    });
    const at = (host: NetnsHost, line: string): [string, string[]] => {
      const [program = '', ...words] = [...host.commandPrefix, 'bash', '-c', localize(line, host)];
      return [program, words];
    };
    const sh = async (host: NetnsHost, line: string): Promise<string> =>
      (await run(...at(host, line), { env: envOf(host), timeout: 60_000 })).stdout;

    const [keygen, agent, install, list, use, remove, ...rest] = commands();
    expect(rest).toEqual([]);
    await sh(first, keygen?.line ?? '');
    expect(statSync(join(dir, 'hearsay/keyring')).mode & 0o777).toBe(0o600);

    const start = async (host: NetnsHost): Promise<void> => {
      const child = spawn(...at(host, `exec ${agent?.line}`), {
        env: envOf(host),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      agents.set(host, child);
      let printed = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => {
          printed += chunk.toString('utf8');
        });
      await waitUntil(`${nameOf(host)} is ready`, 30_000, () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${printed}`);
        return printed.includes('join it:'); // the last line
      });
      expect(printed).toContain('(UDP and TCP, encrypted)');
      expect(printed).toContain(
        `join it:  hearsay agent --keyring-file ${dir}/hearsay/keyring --join ${host.ip}:7946`,
      );
    };
    const everybodyAlive = async (): Promise<void> => {
      for (const host of all)
        await waitUntil(`${nameOf(host)} sees three alive`, 60_000, async () => {
          const rows = JSON.parse(await sh(host, 'hearsay members --json')) as { status: string }[];
          return rows.length === 3 && rows.every(({ status }) => status === 'alive');
        });
    };
    for (const host of all) await start(host);
    await everybodyAlive();

    const fingerprints = new Map<string, string>();
    const inTheReadme = [...(list?.output ?? '').matchAll(/^([0-9a-f]{16}) /gm)].map(
      ([, one]) => one as string,
    );
    const step = async (command: { line: string; output: string } | undefined): Promise<void> => {
      let { line = '', output = '' } = command ?? {};
      const printed = await sh(
        first,
        [...fingerprints].reduce((l, [shown, is]) => l.replace(shown, is), line),
      );
      if (command === list) {
        const primaryFirst = [...printed.matchAll(/^([0-9a-f]{16}) .* (\d)\/3$/gm)].sort(
          (a, b) => Number(b[2]) - Number(a[2]),
        );
        for (const [i, [, is = '']] of primaryFirst.entries()) fingerprints.set(inTheReadme[i] ?? '', is);
        for (const [shown, is] of fingerprints) output = output.replace(shown, is);
        expect(printed.split('\n').sort()).toEqual(output.split('\n').sort());
      } else expect(printed).toBe(output);
    };
    for (const command of [install, list, use, remove]) await step(command);
    await everybodyAlive();

    // A rolling restart, in order and by a crash.
    for (const [host, signal] of [...all].flatMap(
      (host) =>
        [
          [host, 'SIGTERM'],
          [host, 'SIGKILL'],
        ] as const,
    )) {
      const child = agents.get(host) as ChildProcess;
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await start(host);
      await everybodyAlive();
    }
    const keys = JSON.parse(await sh(first, 'hearsay keys list --json')) as { keys: Record<string, number> };
    expect(Object.values(keys.keys)).toEqual([3]);
  },
);
