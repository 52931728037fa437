/**
 * A copy of this machine's root that is thrown away: an overlay in a mount namespace of its own, with a loopback of its own. So a
 * package can be installed and purged by the real dpkg, with nothing to download and nothing left. Needs Linux and root.
 */
import { type ExecFileException, execFile, spawnSync } from 'node:child_process';

/** In a mount namespace of its own: makes /mnt/root, which is this root to read, and a tmpfs to write. */
export const MOUNT_OVERLAY = `
ip link set lo up
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
mount -t proc proc /mnt/root/proc
mount -t tmpfs tmpfs /mnt/root/tmp
mount -t tmpfs tmpfs /mnt/root/run
mkdir /mnt/root/tmp/given
if [ $# -gt 0 ]; then cp "$@" /mnt/root/tmp/given/; fi
`;

/** Goes into it; the script is on the standard input. */
const ENTER = `
set -e
${MOUNT_OVERLAY}
mount --rbind /dev /mnt/root/dev
mkdir /mnt/root/tmp/upper
mount --bind /mnt/upper /mnt/root/tmp/upper
exec chroot /mnt/root sh -s
`;

const unshare = (files: readonly string[]): [string, string[]] => [
  'unshare',
  ['--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', ENTER, 'sh', ...files],
];

/** Why such a root cannot be made here; `undefined` if it can. */
export function chrootUnsupportedReason(): string | undefined {
  const [program, args] = unshare([]);
  const made = spawnSync(program, args, { input: 'true', encoding: 'utf8' });
  return made.status === 0
    ? undefined
    : `no overlay of this root: ${(made.stderr ?? '').trim() || 'no unshare'}`;
}

export interface ChrootRun {
  readonly code: number;
  /** What it wrote to both. */
  readonly output: string;
}

/** Runs a shell script in a new one, with copies of `files` in /tmp/given. What it has written is in /tmp/upper, too. Its processes end with it. */
export function runInChroot(script: string, files: readonly string[]): Promise<ChrootRun> {
  return new Promise((resolve) => {
    const [program, args] = unshare(files);
    const child = execFile(
      program,
      args,
      { timeout: 150_000 },
      (error: ExecFileException | null, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, output: `${out}${err}` });
      },
    );
    child.stdin?.end(script);
  });
}
