/**
 * contrib/container/compose.yaml, started by Debian's docker-compose as it stands, with podman behind it, until both of its services are found by DNS. It
 * runs in a network namespace, for its ports are those of a host. nginx and PostgreSQL are stand-ins of busybox under their names, in
 * a store of images of the test's own: nothing is fetched.
 */
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../contrib/release/image.ts';
import { isInstalled } from '../support/processes.ts';

const run = promisify(execFile);
const BUSYBOX = '/bin/busybox';
const TOOLS = ['podman', 'docker-compose', 'dig', 'unshare', 'ip'];
const missing = [...TOOLS.filter((tool) => !isInstalled(tool)), ...(existsSync(BUSYBOX) ? [] : ['busybox'])];
const reason =
  missing.length > 0 ? `${missing} is missing` : process.getuid?.() === 0 ? undefined : 'it needs root';

/** What the services answer with: the checks of services.d ask for a page, and for a connection. */
const STAND_INS = {
  'docker.io/library/nginx:stable': '["/bin/httpd", "-f", "-p", "80", "-h", "/www"]',
  'docker.io/library/postgres:17': '["/bin/httpd", "-f", "-p", "5432", "-h", "/www"]',
};

/** Each step prints a word that the test looks for. */
const SCRIPT = `
ip link set lo up
cd contrib/container
podman system service --time 0 unix://$CONTAINERS_TMP/podman.sock &
trap "kill $!" EXIT
until [ -S $CONTAINERS_TMP/podman.sock ]; do sleep 0.1; done
export DOCKER_HOST=unix://$CONTAINERS_TMP/podman.sock
docker-compose -p "$1" up -d 2>&1
for service in web db; do
  for i in $(seq 300); do
    found=$(dig +short +time=1 +tries=1 @127.0.0.1 -p 8600 $service.service.consul SRV)
    [ -n "$found" ] && break
    sleep 0.1
  done
  echo "found $service: $found"
done
podman ps --format '{{.Names}} {{.Status}}'
docker-compose -p "$1" down --volumes >/dev/null 2>&1
echo "left: $(podman ps --all --quiet | wc -l)"
`;

describe.skipIf(reason !== undefined)(
  `the example of compose (${reason ?? 'by docker-compose and podman'})`,
  () => {
    let dir = '';
    let env: NodeJS.ProcessEnv = {};
    let refused: string | undefined;

    const podman = (...args: readonly string[]) => run('podman', args, { env, timeout: 60_000 });

    /** Settings of podman: a store, networks, and limits that a machine in a container can keep. */
    function configure(runtime: string): void {
      const storage = `[storage]\ndriver = "vfs"\ngraphroot = "${dir}/root"\nrunroot = "${dir}/run"\n`;
      writeFileSync(join(dir, 'storage.conf'), storage);
      const limits =
        'seccomp_profile = "unconfined"\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]';
      const engine = `runtime = "${runtime}"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"`;
      const text = `[containers]\n${limits}\n[engine]\n${engine}\n[network]\nnetwork_config_dir = "${dir}/net"\n`;
      writeFileSync(join(dir, 'containers.conf'), text);
    }

    async function importStandIns(): Promise<void> {
      const root = join(dir, 'image');
      for (const folder of ['bin', 'www']) mkdirSync(join(root, folder), { recursive: true });
      copyFileSync(BUSYBOX, join(root, 'bin/busybox'));
      for (const name of ['sh', 'httpd', 'true']) symlinkSync('busybox', join(root, 'bin', name));
      writeFileSync(join(root, 'www/index.html'), 'hello\n');
      const archive = join(dir, 'image.tar');
      await run('tar', ['-C', root, '-cf', archive, '.']);
      for (const [image, command] of Object.entries(STAND_INS))
        await podman('import', '--change', `CMD ${command}`, archive, image);
    }

    /** Of the runtimes that are installed, the first that runs a container here; or why none does. */
    async function findRuntime(): Promise<string | undefined> {
      let problem = 'neither crun nor runc is installed';
      for (const runtime of ['crun', 'runc'].filter(isInstalled)) {
        configure(runtime);
        const args = ['run', '--rm', '--network', 'host', Object.keys(STAND_INS)[0] ?? '', '/bin/true'];
        try {
          await podman(...args);
          return undefined;
        } catch (error) {
          problem = (error as Error).message;
        }
      }
      return problem;
    }

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'hearsay-compose-'));
      mkdirSync(join(dir, 'net'));
      env = {
        ...process.env,
        CONTAINERS_STORAGE_CONF: join(dir, 'storage.conf'),
        CONTAINERS_CONF: join(dir, 'containers.conf'),
        CONTAINERS_TMP: dir,
      };
      configure('runc');
      await importStandIns();
      refused = await findRuntime();
      if (refused === undefined) await buildImage('localhost/hearsay', env);
    });
    afterAll(async () => {
      await podman('rm', '--force', '--all', '--volumes').catch(() => {});
      rmSync(dir, { recursive: true, force: true });
    });

    test('starts as it stands, and both services are found by DNS', async ({ skip }) => {
      if (refused !== undefined) skip(refused);
      const args = ['--net', '--mount', 'sh', '-c', SCRIPT, 'sh', `hearsay-test-${process.pid}`];
      const { stdout } = await run('unshare', args, { env, timeout: 120_000 });
      expect(stdout).toMatch(/^found web: 1 1 8080 /m);
      expect(stdout).toMatch(/^found db: 1 1 5432 /m);
      expect(stdout.match(/ Up /g)).toHaveLength(3);
      expect(stdout).toContain('left: 0');
    });
  },
);
