import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { type KeySource, readKeys } from '../../../src/cli/keyboard.ts';

/** A terminal that records what is done to it. */
function fakeTerminal({ isInput = true, isOutput = true, foreground = true } = {}) {
  const state = { isRaw: false, isReading: false, foreground, raised: [] as string[] };
  const emitter = new EventEmitter();
  const process = new EventEmitter();
  const input = Object.assign(emitter, {
    isTTY: isInput,
    setRawMode: (raw: boolean) => {
      state.isRaw = raw;
    },
    setEncoding: () => undefined,
    resume: () => {
      state.isReading = true;
    },
    pause: () => {
      state.isReading = false;
    },
  });
  const source: KeySource = {
    input,
    isOutputTerminal: isOutput,
    isForeground: () => state.foreground,
    raise: (signal) => void state.raised.push(`${signal}${state.isRaw ? ' raw' : ''}`),
    on: (event, handler) => void process.on(event, handler),
    off: (event, handler) => void process.off(event, handler),
  };
  return { source, state, input, process };
}

test.each([[{ isInput: false }], [{ isOutput: false }], [{ foreground: false }]])(
  'a terminal with %j is not touched',
  (what) => {
    const { source, state, input } = fakeTerminal(what);
    expect(readKeys(() => undefined, source)).toBeUndefined();
    expect([state.isRaw, state.isReading, input.eventNames()]).toEqual([false, false, []]);
  },
);

test('keys come one by one, a special key as one, and nothing after the end', () => {
  const { source, state, input, process } = fakeTerminal();
  const keys: string[] = [];
  const close = readKeys((key) => keys.push(key), source);
  expect([state.isRaw, state.isReading]).toEqual([true, true]);
  input.emit('data', 'k2');
  input.emit('data', '\u001b[A\u001bOBx\u001b');
  expect(keys).toEqual(['k', '2', '\u001b[A', '\u001bOB', 'x', '\u001b']);
  close?.();
  input.emit('data', 'k');
  expect(keys).toHaveLength(6);
  expect([state.isRaw, state.isReading, process.eventNames()]).toEqual([false, false, []]);
});

test('the keys of signals raise them; the terminal is restored before the process stops or ends', () => {
  const { source, state, input, process } = fakeTerminal();
  const keys: string[] = [];
  readKeys((key) => keys.push(key), source);
  input.emit('data', '\u0003');
  expect(state.raised).toEqual(['SIGINT raw']); // its handler closes the keys in order
  input.emit('data', '\u001a');
  expect([state.raised.at(-1), state.isRaw, state.isReading]).toEqual(['SIGTSTP', false, false]);
  state.foreground = false;
  process.emit('SIGCONT');
  expect([state.isRaw, state.isReading], 'after bg').toEqual([false, false]);
  state.foreground = true;
  process.emit('SIGCONT');
  expect([state.isRaw, state.isReading], 'after fg').toEqual([true, true]);
  input.emit('data', '\u001c');
  expect([state.raised.at(-1), state.isRaw]).toEqual(['SIGQUIT', false]);
  expect(keys).toEqual([]);
});

test('the terminal is restored when the process ends without closing, and a closed window ends the process', () => {
  const crashed = fakeTerminal();
  readKeys(() => undefined, crashed.source);
  crashed.process.emit('exit');
  expect(crashed.state.isRaw).toBe(false);

  const gone = fakeTerminal();
  readKeys(() => undefined, gone.source);
  gone.input.emit('error', new Error('EIO'));
  gone.input.emit('end');
  expect([gone.state.raised, gone.state.isReading]).toEqual([['SIGTERM'], false]);
});
