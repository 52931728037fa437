/**
 * Tells the service manager that started this process how it is: sd_notify(3), for a systemd unit of `Type=notify`. Node has no
 * Unix datagram sockets, so systemd's own program sends the words; the unit must say `NotifyAccess=all`, since it is a process
 * of its own.
 */
import { spawn } from 'node:child_process';
import type { Logger } from 'pino';
import type { AgentHandle } from '../../agent/contract/agent-handle.ts';
import { countLive } from '../../agent/operations/rejoin-policy.ts';

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly agent: Pick<AgentHandle, 'view' | 'subscribe'>;
  readonly logger: Pick<Logger, 'warn'>;
}

export interface ServiceManager {
  /** The agent has been asked to stop. */
  stopping(): void;
  /** Says nothing more. */
  close(): void;
}

const PROGRAM = 'systemd-notify';
/** The program waits until the manager has read the message; one that is hung must not hold up the next. */
const SEND_TIMEOUT_MS = 5_000;
/** A message costs a process, so a shorter watchdog is fed only this often. */
const MIN_FEED_MS = 100;

/** `undefined`: no service manager waits for word. */
export function connectServiceManager(options: ServiceManagerOptions): ServiceManager | undefined {
  const socket = options.env['NOTIFY_SOCKET'];
  return socket === undefined || socket === '' ? undefined : new SystemdNotifier(options, socket);
}

class SystemdNotifier implements ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #socket: string;
  readonly #unsubscribe: () => void;
  #watchdog: NodeJS.Timeout | undefined;
  #isReady = false;
  #isSending = false;
  #hasFailed = false;

  constructor(options: ServiceManagerOptions, socket: string) {
    this.#options = options;
    this.#socket = socket;
    this.#unsubscribe = options.agent.subscribe(['readiness'], () => this.#onReadiness());
    this.#onReadiness();
    const feed = feedInterval(options);
    if (feed !== undefined) this.#watchdog = setInterval(() => this.#feed(), feed);
  }

  stopping(): void {
    this.#send('STOPPING=1', 'STATUS=stopping');
  }

  close(): void {
    this.#unsubscribe();
    clearInterval(this.#watchdog);
  }

  /** Once it has the catalog of a member, or its patience is over: until then it says to readers that it does not know. */
  #onReadiness(): void {
    if (this.#isReady || !this.#options.agent.view.readiness().ready) return;
    this.#isReady = true;
    this.#send('READY=1', this.#status());
  }

  /** This timer runs only while the event loop does, which is what the watchdog is to watch. */
  #feed(): void {
    if (this.#isSending) return;
    if (this.#isReady) this.#send('WATCHDOG=1', this.#status());
    else this.#send('WATCHDOG=1');
  }

  /** One line of `systemctl status`. */
  #status(): string {
    const live = countLive(this.#options.agent.view.members());
    return `STATUS=${live === 1 ? '1 member is' : `${live} members are`} up`;
  }

  #send(...words: readonly string[]): void {
    if (this.#hasFailed) return;
    this.#isSending = true;
    const env = { PATH: this.#options.env['PATH'], NOTIFY_SOCKET: this.#socket };
    const child = spawn(PROGRAM, words, { env, stdio: 'ignore', timeout: SEND_TIMEOUT_MS });
    child.once('error', (error) => this.#fail(error.message));
    child.once('exit', (code) => {
      this.#isSending = false;
      if (code !== 0 && code !== null) this.#fail(`exit code ${code}`);
    });
  }

  #fail(reason: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.close();
    this.#options.logger.warn(
      { reason },
      `${PROGRAM} does not work, so the service manager is not told that this agent is ready: install systemd's programs, or use Type=exec in the unit`,
    );
  }
}

/** Half of the time after which the manager would end this process; `undefined`: it watches none, or another process. */
function feedInterval({ env, pid }: ServiceManagerOptions): number | undefined {
  const micros = Number(env['WATCHDOG_USEC']);
  const watched = env['WATCHDOG_PID'];
  if (!(micros > 0) || (watched !== undefined && watched !== String(pid))) return undefined;
  return Math.max(MIN_FEED_MS, micros / 2000);
}
