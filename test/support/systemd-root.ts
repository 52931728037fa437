/**
 * A copy of this machine's root (test/support/chroot.ts) that is booted: its systemd is PID 1 in namespaces and control groups of its own.
 * The kernel's settings and devices are there to read only, so nothing of the machine is touched. Needs Linux and root.
 */
import { type ExecFileException, execFile, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type ChrootRun, MOUNT_OVERLAY } from './chroot.ts';

const SYSTEMD = '/lib/systemd/systemd';
/** The hierarchies that systemd uses: one of version 2, or beside those of version 1. */
const HIERARCHIES = existsSync('/sys/fs/cgroup/cgroup.controllers')
  ? ['/sys/fs/cgroup']
  : ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'].filter((path) => existsSync(path));

/** `$1` is a folder of this machine for the script, its files and its output; a boot empties /tmp, but not what is mounted there. */
const BOOT = `
set -e
shared=$1; shift
mount --make-rprivate /
${MOUNT_OVERLAY}
root=/mnt/root
mount -t sysfs -o ro sysfs $root/sys
mount --bind -o ro $root/proc/sys $root/proc/sys
mount -o remount,bind,ro $root/proc/sys
mount -t tmpfs -o mode=755 tmpfs $root/dev
for device in null zero full random urandom tty; do
  touch $root/dev/$device
  mount --bind /dev/$device $root/dev/$device
done
mkdir $root/dev/shm $root/dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts $root/dev/pts
ln -s pts/ptmx $root/dev/ptmx
ln -s /proc/self/fd $root/dev/fd
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
else
  mount -t tmpfs -o mode=755 tmpfs $root/sys/fs/cgroup
  mkdir $root/sys/fs/cgroup/systemd $root/sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup $root/sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 $root/sys/fs/cgroup/unified
fi
chmod 1777 $root/tmp
mkdir $root/tmp/shared
mount --bind "$shared" $root/tmp/shared
# What this machine starts at a boot, and mounts, is no business of the copy.
rm -rf $root/etc/systemd/system/*
: > $root/etc/fstab
mkdir -p $root/run/systemd/system
cat > $root/run/systemd/system/script.service <<UNIT
[Unit]
Requires=sysinit.target
Wants=dbus.socket
After=sysinit.target dbus.socket
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sh /tmp/shared/script > /tmp/shared/output 2>&1; systemctl exit \\$\\$?'
UNIT
exec chroot $root env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
  ${SYSTEMD} --unit=script.service --show-status=no --log-target=journal
`;

/** Runs a shell script as a service of the booted copy, with `files` in /tmp/shared. Everything ends with it. */
export async function runUnderSystemd(script: string, files: readonly string[]): Promise<ChrootRun> {
  const shared = mkdtempSync(join(tmpdir(), 'hearsay-systemd-'));
  const groups = HIERARCHIES.map((path) => join(path, `hearsay-test-${process.pid}-${Date.now()}`));
  writeFileSync(join(shared, 'script'), script);
  for (const file of files) copyFileSync(file, join(shared, basename(file)));
  const enter = groups.map((group) => `mkdir ${group} && echo $$ > ${group}/cgroup.procs`).join(' && ');
  const unshare = 'unshare --mount --net --pid --cgroup --uts --ipc --fork --kill-child';
  const args = ['-c', `${enter} && exec ${unshare} sh -c "$0" sh "$@"`, BOOT, shared];
  try {
    const { code, output } = await new Promise<ChrootRun>((resolve) => {
      execFile(
        'sh',
        args,
        { timeout: 120_000, killSignal: 'SIGKILL' },
        (error: ExecFileException | null, out, err) => {
          const failed = typeof error?.code === 'number' ? error.code : -1;
          resolve({ code: error === null ? 0 : failed, output: `${out}${err}` });
        },
      );
    });
    const log = join(shared, 'output');
    return { code, output: existsSync(log) ? readFileSync(log, 'utf8') : output };
  } finally {
    for (const group of groups)
      spawnSync('find', [group, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
    rmSync(shared, { recursive: true, force: true });
  }
}

/** Why systemd cannot be booted here; `undefined` if it can. */
export async function systemdUnsupportedReason(): Promise<string | undefined> {
  if (!existsSync(SYSTEMD)) return 'systemd is missing';
  if (process.getuid?.() !== 0) return 'it needs root';
  if (HIERARCHIES.length === 0) return 'there are no control groups';
  const { code, output } = await runUnderSystemd('test "$(cat /proc/1/comm)" = systemd && echo booted', []);
  return code === 0 && output.includes('booted')
    ? undefined
    : `systemd does not boot here: ${output.trim().split('\n').at(-1) ?? code}`;
}
