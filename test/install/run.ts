/**
 * `npm run install:check`: four installs from nothing, each ending with a service that is found by DNS. Prints for each how large
 * the artifact is, and how long it takes to build it, to install it, and from the start of the agent until the service is found. What
 * cannot be tried here is said, and ends with exit code 1.
 */
import { execFile, execFileSync } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildDebianPackage } from '../../contrib/release/debian.ts';
import { buildImage } from '../../contrib/release/image.ts';
import { buildSingleFile } from '../../contrib/release/single-file.ts';
import { chrootUnsupportedReason, runInChroot } from '../support/chroot.ts';
import { findRunOptions, podman } from '../support/podman.ts';
import { isInstalled, killProcesses, startProgram } from '../support/processes.ts';
import { waitUntil } from '../support/wait.ts';

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'hearsay-install-'));
const service = join(dir, 'web.json');
writeFileSync(service, JSON.stringify({ service: { name: 'web', port: 8080 } }));

interface Install {
  readonly bytes: number;
  readonly buildMs: number;
  readonly installMs: number;
  readonly foundMs: number;
}
/** The reason why it cannot be tried here, or what it took. */
type Outcome = string | Install;

async function timed<T>(work: () => Promise<T>): Promise<[value: T, ms: number]> {
  const start = performance.now();
  const value = await work();
  return [value, Math.round(performance.now() - start)];
}

const agentArgs = (ip: string): string[] => [
  ...['agent', '--bind', ip, '--http', `${ip}:8500`, '--dns', `${ip}:8600`],
];

async function found(ip: string): Promise<void> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([`${ip}:8600`]);
  await waitUntil(`web is found at ${ip}`, 30_000, async () => {
    const [record] = await resolver.resolveSrv('_web._tcp.service.consul').catch(() => []);
    return record?.port === 8080;
  });
}

/** Starts an agent of `program` that has the service, and waits until it is found. */
async function serve(program: string, ip: string): Promise<number> {
  const [, ms] = await timed(async () => {
    startProgram(program, [...agentArgs(ip), '--service', service]);
    await found(ip);
  });
  await killProcesses();
  return ms;
}

async function fromNpm(): Promise<Outcome> {
  const [, buildMs] = await timed(() => run('npm', ['run', 'build']));
  const packed = ['pack', '--ignore-scripts', '--json', '--pack-destination', dir];
  const report = Object.values(JSON.parse(execFileSync('npm', packed, { encoding: 'utf8' }))) as {
    filename: string;
  }[];
  const tarball = join(dir, report[0]?.filename ?? '');
  const prefix = join(dir, 'npm');
  const args = ['install', '--global', '--prefix', prefix, '--offline', '--no-audit', '--no-fund', tarball];
  const [, installMs] = await timed(() => run('npm', args));
  const foundMs = await serve(join(prefix, 'bin/hearsay'), '127.38.7.1');
  return { bytes: statSync(tarball).size, buildMs, installMs, foundMs };
}

async function fromSingleFile(): Promise<Outcome> {
  const [file, buildMs] = await timed(() => buildSingleFile(join(dir, 'hearsay')));
  const installed = join(dir, 'installed');
  const [, installMs] = await timed(() => run('cp', [file, installed]));
  return { bytes: statSync(file).size, buildMs, installMs, foundMs: await serve(installed, '127.38.7.2') };
}

const IN_CHROOT = `
set -e
now() { date +%s%3N; }
start=$(now); dpkg -i /tmp/given/*.deb >/dev/null; echo "installed $(($(now) - start))"
echo '{"service": {"name": "web", "port": 8080}}' > /etc/hearsay/services.d/web.json
start=$(now)
setpriv --reuid hearsay --regid hearsay --init-groups $(sed -n 's/^ExecStart=//p' /lib/systemd/system/hearsay.service) >/dev/null 2>&1 &
until dig +short +time=1 +tries=1 @127.0.0.1 -p 8600 _web._tcp.service.consul SRV | grep -q ' 8080 '; do sleep 0.05; done
echo "found $(($(now) - start))"
`;

async function fromDebianPackage(): Promise<Outcome> {
  const missing = ['dpkg-deb', 'dig', 'setpriv'].filter((tool) => !isInstalled(tool));
  const reason = missing.length > 0 ? `${missing} is missing` : chrootUnsupportedReason();
  if (reason !== undefined) return reason;
  const [file, buildMs] = await timed(() => buildDebianPackage(dir));
  const { output } = await runInChroot(IN_CHROOT, [file]);
  const number = (word: string): number => {
    const text = new RegExp(`^${word} (\\d+)$`, 'm').exec(output)?.[1];
    if (text === undefined) throw new Error(`the Debian package: ${output}`);
    return Number(text);
  };
  return { bytes: statSync(file).size, buildMs, installMs: number('installed'), foundMs: number('found') };
}

async function fromImage(): Promise<Outcome> {
  if (!isInstalled('podman')) return 'podman is missing';
  const [tag, name, ip] = [
    `localhost/hearsay-install-${process.pid}`,
    `hearsay-install-${process.pid}`,
    '127.38.7.3',
  ];
  const [tags, buildMs] = await timed(() => buildImage(tag));
  try {
    const way = await findRunOptions(tag, 'version');
    if ('reason' in way) return way.reason;
    const archive = join(dir, 'image.tar');
    await podman('save', '--output', archive, tag);
    const [, installMs] = await timed(() => podman('load', '--input', archive));
    const volume = ['--volume', `${service}:/web.json:ro`];
    const [, foundMs] = await timed(async () => {
      await podman(
        'run',
        '--detach',
        '--name',
        name,
        ...way.options,
        ...volume,
        tag,
        ...agentArgs(ip),
        '--service',
        '/web.json',
      );
      await found(ip);
    });
    return { bytes: statSync(archive).size, buildMs, installMs, foundMs };
  } finally {
    await podman('rm', '--force', '--volumes', name);
    await podman('rmi', '--force', ...tags);
  }
}

const INSTALLS = {
  'npm package': fromNpm,
  'single executable': fromSingleFile,
  'Debian package': fromDebianPackage,
  'container image': fromImage,
};

try {
  console.log(
    '| Install | Size | Build | Install | Until its service is found |\n| --- | --- | --- | --- | --- |',
  );
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  for (const [name, install] of Object.entries(INSTALLS)) {
    const outcome = await install();
    if (typeof outcome === 'string') {
      console.log(`| ${name} | not tried: ${outcome} | | | |`);
      process.exitCode = 1;
    } else {
      const { bytes, buildMs, installMs, foundMs } = outcome;
      const cells = [`${(bytes / 1e6).toFixed(1)} MB`, ...[buildMs, installMs, foundMs].map(seconds)];
      console.log(`| ${name} | ${cells.join(' | ')} |`);
    }
  }
} finally {
  await killProcesses();
  rmSync(dir, { recursive: true, force: true });
}
