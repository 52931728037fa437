/**
 * The file of a recording: limited in size, mode 0600, one for each run of an agent. Log rotation keeps those of earlier
 * runs as FILE.1 (the last) to FILE.3. A failing disk ends the recording and never the agent.
 */
import { open, rename, rm } from 'node:fs/promises';
import { errorCode } from '../../base/errno.ts';
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Journal } from '../logging/journal.ts';
import { assertTrustedOwner } from './file-owner.ts';

/** Accepts lines at once and writes them soon, several in one write (group commit). */
export interface RecordingFile {
  hasCapacity(bytes: number): boolean;
  /** Returns false if the recording has ended. */
  write(line: string): boolean;
  writeFooter(line: string, reason: 'stopped' | 'full'): void;
  /** One clause for each problem. */
  readonly degraded: readonly string[];
  /** Writes what is pending. Never rejects. */
  close(): Promise<void>;
}

/** A file that is only appended to. */
export interface Appender {
  append(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface RecordingOptions {
  readonly maxBytes: number;
  readonly redacted: boolean;
  /** Creates a new file, mode 0600. */
  readonly create?: (path: string) => Promise<Appender>;
}

/** How many recordings of earlier runs are kept. */
const KEPT_FILES = 3;
/** How long a line waits for others to be written together. */
const WRITE_DELAY: Millis = 200;
/** Lines of this many bytes are written without a delay. */
const BATCH_BYTES = 64 * 1024;
/** If more bytes wait, the disk is too slow. */
const MAX_PENDING_BYTES = 8 * 1024 * 1024;
/** Bytes reserved for the last line. */
const FOOTER_BYTES = 128;
/** The beginning of each recording. */
const HEADER = /^[0-9a-f]{8} \{"what":"hearsay recording"/;
/** Errors of the disk. Others are the operator's to correct. */
const DISK_ERRORS: ReadonlySet<string> = new Set(['ENOSPC', 'EIO', 'EDQUOT', 'EMFILE', 'ENFILE']);

/**
 * Rejects with `AgentError('config')` if `path` cannot be used: other users can write the file there, it is no recording,
 * or no file can be created.
 */
export async function openRecording(
  path: string,
  record: Journal['record'],
  options: RecordingOptions,
): Promise<RecordingFile> {
  const recording = new Recording(path, record, options.maxBytes);
  try {
    await rotate(path);
    recording.start(await (options.create ?? createFile)(path));
    record({ kind: 'recordingStarted', file: path, redacted: options.redacted });
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const code = errorCode(error);
    if (!DISK_ERRORS.has(code))
      throw new AgentError(
        'config',
        `the recording ${path} cannot be created (${code}): choose another path`,
      );
    recording.fail(code);
  }
  return recording;
}

async function createFile(path: string): Promise<Appender> {
  const file = await open(path, 'wx', 0o600);
  return {
    append: async (bytes) => {
      await file.writeFile(bytes); // appends: the file position is at its end
    },
    close: () => file.close(),
  };
}

/** Log rotation: renames the recording of the last run, and those before it. */
async function rotate(path: string): Promise<void> {
  if (!(await isRecording(path))) return;
  await rm(`${path}.${KEPT_FILES}`, { force: true });
  for (let i = KEPT_FILES; i >= 1; i--)
    await rename(i === 1 ? path : `${path}.${i - 1}`, `${path}.${i}`).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOENT') throw error;
    });
}

/** Returns false if there is no file. Throws if it is something else than a recording. */
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
    if (stats.isFile() && (bytesRead === 0 || HEADER.test(Buffer.from(buffer).toString('latin1'))))
      return true;
    throw new AgentError('config', `${path} exists and is not a recording: choose another path for --record`);
  } finally {
    await file.close();
  }
}

class Recording implements RecordingFile {
  readonly #path: string;
  readonly #record: Journal['record'];
  readonly #maxBytes: number;
  #file: Appender | undefined;
  #pending: string[] = [];
  #pendingBytes = 0;
  #size = 0;
  #ended = false;
  #problem: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, record: Journal['record'], maxBytes: number) {
    this.#path = path;
    this.#record = record;
    this.#maxBytes = maxBytes;
  }

  get degraded(): readonly string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }

  start(file: Appender): void {
    this.#file = file;
  }

  hasCapacity(bytes: number): boolean {
    return this.#size + bytes + FOOTER_BYTES <= this.#maxBytes;
  }

  write(line: string): boolean {
    if (this.#ended) return false;
    const bytes = Buffer.byteLength(line);
    this.#pending.push(line);
    this.#pendingBytes += bytes;
    this.#size += bytes;
    if (this.#pendingBytes > MAX_PENDING_BYTES) this.fail('the disk is too slow');
    else if (this.#pendingBytes >= BATCH_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), WRITE_DELAY).unref();
    return !this.#ended;
  }

  writeFooter(line: string, reason: 'stopped' | 'full'): void {
    if (!this.write(line)) return;
    this.#ended = true;
    if (reason === 'stopped') return;
    this.#problem = `the recording ${this.#path} is full: later inputs are not in it`;
    this.#record({ kind: 'recordingFull', file: this.#path, bytes: this.#size });
  }

  /** Ends the recording; what was written stays. */
  fail(reason: string): void {
    if (this.#problem !== undefined) return;
    this.#ended = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#problem = `the recording ${this.#path} ended: ${reason}`;
    this.#record({ kind: 'recordingFailed', file: this.#path, reason });
  }

  async close(): Promise<void> {
    this.#ended = true;
    while (this.#pending.length > 0 || this.#writing !== undefined) {
      this.#flush();
      await this.#writing;
    }
    clearTimeout(this.#timer);
    await this.#file?.close().catch(() => {});
    this.#file = undefined;
  }

  /** One write at a time; lines that come meanwhile are in the next one. */
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
