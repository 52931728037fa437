/** Single keys from the terminal. The terminal is as it was when they are no longer read, however the program ends. */
import { readFileSync } from 'node:fs';

/** The parts of the process that keys need. Tests pass their own. */
export interface KeySource {
  readonly input: KeyInput;
  /** Whether people see what a key did. */
  readonly isOutputTerminal: boolean;
  /** Changing the terminal from the background would stop the process (SIGTTOU). */
  isForeground(): boolean;
  /** Sends a signal to the foreground job, as a terminal does at Ctrl-C. */
  raise(signal: NodeJS.Signals): void;
  on(event: 'exit' | 'SIGCONT', handler: () => void): void;
  off(event: 'exit' | 'SIGCONT', handler: () => void): void;
}

interface KeyInput {
  readonly isTTY?: boolean;
  setRawMode(raw: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  on(event: string, handler: (data: string) => void): unknown;
  off(event: string, handler: (data: string) => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** The keys that a terminal in raw mode no longer turns into signals itself. */
const SIGNAL_KEYS: ReadonlyMap<string, NodeJS.Signals> = new Map([
  ['\u0003', 'SIGINT'],
  ['\u001a', 'SIGTSTP'],
  ['\u001c', 'SIGQUIT'],
]);

/**
 * Calls `onKey` for each character, and once for the sequence of a special key, until the function it returns is called.
 * `undefined`: nobody sits at a terminal, so nothing is read and the terminal is not touched.
 */
export function readKeys(
  onKey: (key: string) => void,
  source: KeySource = processKeys(),
): (() => void) | undefined {
  const { input } = source;
  if (input.isTTY !== true || !source.isOutputTerminal || !source.isForeground()) return undefined;
  const restore = (): void => void input.setRawMode(false);
  const take = (): void => {
    if (!source.isForeground()) return; // continued by `bg`
    input.setRawMode(true);
    input.resume();
  };
  const onData = (data: string): void => {
    for (const key of splitKeys(data)) {
      const signal = SIGNAL_KEYS.get(key);
      if (signal === undefined) onKey(key);
      else if (signal === 'SIGINT') source.raise(signal);
      else {
        restore(); // the process stops or ends here
        input.pause();
        source.raise(signal);
      }
    }
  };
  const close = (): void => {
    input.off('data', onData);
    input.off('end', onGone);
    input.pause();
    source.off('SIGCONT', take);
    source.off('exit', restore);
    restore();
  };
  const onGone = (): void => {
    close();
    source.raise('SIGTERM'); // nobody can press Ctrl-C any more
  };
  input.setEncoding('utf8');
  input.on('data', onData);
  input.on('end', onGone);
  input.on('error', () => undefined); // a terminal that is gone; `end` follows, or stdout tells
  source.on('SIGCONT', take);
  source.on('exit', restore);
  take();
  return close;
}

/** A special key is one sequence that begins with ESC; everything else is one key per character. */
const ESC = '\u001b';
const KEY = new RegExp(`${ESC}(?:\\[[0-9;]*[A-Za-z~]|O[A-Za-z])?|.`, 'gsu');
const splitKeys = (data: string): readonly string[] => data.match(KEY) ?? [];

const processKeys = (): KeySource => ({
  input: process.stdin,
  isOutputTerminal: process.stdout.isTTY === true,
  isForeground,
  raise: (signal) => void process.kill(0, signal),
  on: (event, handler) => void process.on(event, handler),
  off: (event, handler) => void process.off(event, handler),
});

/** By the process group that the terminal serves. Systems without Linux's /proc are not asked. */
function isForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // After the name in parentheses: state, parent, process group, session, terminal, foreground group.
    const [, , group, , , foreground] = stat
      .slice(stat.lastIndexOf(')') + 1)
      .trim()
      .split(' ');
    return group === foreground;
  } catch {
    return true;
  }
}
