/** Helpers of the interop tests, which use Serf's own command line. */
import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentProcess, ProcessResult } from './processes.ts';

/** Runs one `serf` command on this agent. */
export function runSerf(agent: AgentProcess, args: readonly string[]): Promise<ProcessResult> {
  const [command = '', ...rest] = args;
  return new Promise((resolve) => {
    execFile(
      'serf',
      [command, `-rpc-addr=${agent.ip}:7373`, ...rest],
      { timeout: 30_000 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** A temporary folder for a test's files. */
export const makeTempDir = (): string => mkdtempSync(join(tmpdir(), 'hearsay-interop-'));

/** Writes a file that only the owner can read; returns its path. */
export function writePrivateFile(dir: string, name: string, contents: string): string {
  const path = join(dir, name);
  writeFileSync(path, contents, { mode: 0o600 });
  return path;
}

const COMPLAINT = /panic|goroutine|impossible|unknown type|\[ERR\]/i;
/** Errors of Serf about its RPC clients and about connections that end, which are not about our bytes. */
const UNRELATED =
  /agent\.ipc:|Failed to send|connection refused|Push\/Pull with .* failed|reset by peer|broken pipe/i;

/** Lines in which a real agent complains about a message, and crashes of either agent. */
export const wireComplaints = (log: string): string[] =>
  log.split('\n').filter((line) => COMPLAINT.test(line) && !UNRELATED.test(line));
