/** Containers by podman, on the host's network. */
import { execFile } from 'node:child_process';

export interface PodmanResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const podman = (...args: readonly string[]): Promise<PodmanResult> =>
  new Promise((resolve) => {
    execFile('podman', args, { timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });

/** podman's own failure, and that of the runtime below it; what a program in a container exits with is neither. */
const CANNOT_RUN = [125, 126];
/** The second is for machines that are containers themselves, where limits cannot be raised. */
const WAYS = [
  ['--network', 'host'],
  [
    ...['--network', 'host', '--runtime', 'runc', '--security-opt', 'seccomp=unconfined'],
    ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'],
  ],
];

/** The options of `podman run` with which `image` runs here, or why it does not. `args` should end at once. */
export async function findRunOptions(
  image: string,
  ...args: readonly string[]
): Promise<{ readonly options: readonly string[] } | { readonly reason: string }> {
  let reason = '';
  for (const options of WAYS) {
    const { code, stderr } = await podman('run', '--rm', ...options, image, ...args);
    if (!CANNOT_RUN.includes(code)) return { options };
    reason = stderr.trim().split('\n').at(-1) ?? '';
  }
  return { reason: `podman cannot run a container here: ${reason}` };
}
