/**
 * The file of a recording: bounded, for its owner alone, one for each life of an agent; those of earlier lives are kept
 * beside it as FILE.1 (the last) to FILE.3. A disk that fails ends the recording and never the agent.
 */
import { open, rename, rm } from 'node:fs/promises';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Journal } from '../logging/journal.ts';
import { assertTrustedOwner } from './file-owner.ts';

/** Takes lines at once and writes them soon. */
export interface RecordingFile {
  hasRoom(bytes: number): boolean;
  /** False: the recording is over. */
  write(line: string): boolean;
  writeFooter(line: string, why: 'stopped' | 'full'): void;
  /** One clause for each trouble. */
  readonly degraded: readonly string[];
  /** Writes what is pending. Never rejects. */
  close(): Promise<void>;
}

/** A file that grows. */
export interface Appender {
  append(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface RecordingOptions {
  readonly maxBytes: number;
  readonly redacted: boolean;
  /** A file that was not there, readable by its owner alone. */
  readonly create?: (path: string) => Promise<Appender>;
}

/** Earlier lives that are kept. */
const KEPT = 3;
/** Lines wait so long for others to be written with. */
const DELAY: Millis = 200;
/** Or until there are so many octets of them. */
const BATCH = 64 * 1024;
/** More than this waiting, and the disk takes too long. */
const MOST_PENDING = 8 * 1024 * 1024;
/** For the last line. */
const RESERVE = 128;
/** How recordings begin. */
const LOOKS_LIKE = /^[0-9a-f]{8} \{"what":"hearsay recording"/;
/** The disk's doing, not the operator's. */
const FAILURES: ReadonlySet<string> = new Set(['ENOSPC', 'EIO', 'EDQUOT', 'EMFILE', 'ENFILE']);

/**
 * Rejects with `AgentError('config')` if `path` cannot be a file of ours: others could have written what is there, it is
 * no recording, or nothing can be made there.
 */
export async function openRecording(
  path: string,
  note: Journal['record'],
  options: RecordingOptions,
): Promise<RecordingFile> {
  const recording = new Recording(path, note, options.maxBytes);
  try {
    await rotate(path);
    recording.start(await (options.create ?? createFile)(path));
    note({ kind: 'recordingStarted', file: path, redacted: options.redacted });
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    if (!FAILURES.has(code))
      throw new AgentError('config', `the recording ${path} cannot be made (${code}): choose another path`);
    recording.fail(code);
  }
  return recording;
}

async function createFile(path: string): Promise<Appender> {
  const file = await open(path, 'wx', 0o600);
  return {
    append: async (bytes) => {
      await file.writeFile(bytes); // from where the last one ended
    },
    close: () => file.close(),
  };
}

/** Moves the recording of the last life, and those before it, out of the way. */
async function rotate(path: string): Promise<void> {
  if (!(await isRecording(path))) return;
  await rm(`${path}.${KEPT}`, { force: true });
  for (let i = KEPT; i >= 1; i--)
    await rename(i === 1 ? path : `${path}.${i - 1}`, `${path}.${i}`).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
}

/** False: nothing is there. Throws if something else is. */
async function isRecording(path: string): Promise<boolean> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    const stats = await file.stat();
    assertTrustedOwner(stats, `the recording ${path}`, 'chmod 600 it');
    const { buffer, bytesRead } = await file.read(new Uint8Array(64), 0, 64, 0);
    if (stats.isFile() && (bytesRead === 0 || LOOKS_LIKE.test(Buffer.from(buffer).toString('latin1'))))
      return true;
    throw new AgentError('config', `${path} is there, and is no recording: choose another path for --record`);
  } finally {
    await file.close();
  }
}

class Recording implements RecordingFile {
  readonly #path: string;
  readonly #note: Journal['record'];
  readonly #maxBytes: number;
  #file: Appender | undefined;
  #pending: string[] = [];
  #pendingBytes = 0;
  #size = 0;
  #over = false;
  #trouble: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, note: Journal['record'], maxBytes: number) {
    this.#path = path;
    this.#note = note;
    this.#maxBytes = maxBytes;
  }

  get degraded(): readonly string[] {
    return this.#trouble === undefined ? [] : [this.#trouble];
  }

  start(file: Appender): void {
    this.#file = file;
  }

  hasRoom(bytes: number): boolean {
    return this.#size + bytes + RESERVE <= this.#maxBytes;
  }

  write(line: string): boolean {
    if (this.#over) return false;
    const bytes = Buffer.byteLength(line);
    this.#pending.push(line);
    this.#pendingBytes += bytes;
    this.#size += bytes;
    if (this.#pendingBytes > MOST_PENDING) this.fail('the disk takes too long');
    else if (this.#pendingBytes >= BATCH) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), DELAY).unref();
    return !this.#over;
  }

  writeFooter(line: string, why: 'stopped' | 'full'): void {
    if (!this.write(line)) return;
    this.#over = true;
    if (why === 'stopped') return;
    this.#trouble = `the recording ${this.#path} is full: what came later is not in it`;
    this.#note({ kind: 'recordingFull', file: this.#path, bytes: this.#size });
  }

  /** The recording is over; what was written of it stays. */
  fail(why: string): void {
    if (this.#trouble !== undefined) return;
    this.#over = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#trouble = `the recording ${this.#path} ended: ${why}`;
    this.#note({ kind: 'recordingFailed', file: this.#path, reason: why });
  }

  async close(): Promise<void> {
    this.#over = true;
    while (this.#pending.length > 0 || this.#writing !== undefined) {
      this.#flush();
      await this.#writing;
    }
    clearTimeout(this.#timer);
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
  }

  /** One write at a time; what comes meanwhile goes with the next. */
  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing !== undefined || this.#pending.length === 0) return;
    const bytes = Buffer.from(this.#pending.join(''));
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#writing = this.#append(bytes).finally(() => {
      this.#writing = undefined;
      if (this.#pendingBytes > 0) this.#flush();
    });
  }

  async #append(bytes: Uint8Array): Promise<void> {
    try {
      await this.#file?.append(bytes);
    } catch (error) {
      this.fail(errorCode(error));
    }
  }
}
