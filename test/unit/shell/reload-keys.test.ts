/** The keyring file at a reload: what counts as an edit, and what the members have to say about it. */
import { expect, test } from 'vitest';
import type { AgentHandle } from '../../../src/agent/contract/agent-handle.ts';
import type { CommandRequest, KeyOperationReport } from '../../../src/agent/contract/commands.ts';
import { AgentError } from '../../../src/base/errors.ts';
import { KeyringReader } from '../../../src/shell/reload-keys.ts';
import type { KeyringStore } from '../../../src/shell/storage/keyring.ts';

const KEYS = [new Uint8Array(32).fill(1)];
const SETTINGS = { keyringFile: '/etc/k' };

function stand() {
  const state = {
    edit: KEYS as readonly Uint8Array[] | undefined,
    broken: undefined as AgentError | undefined,
    saves: 0,
    stored: undefined as string | undefined,
    report: { finished: false } as Partial<KeyOperationReport>,
    wake: () => {},
    isSubscribed: false,
    commands: [] as CommandRequest[],
  };
  const agent = {
    view: { keyOperationReport: () => state.report },
    execute: async (command: CommandRequest) => {
      state.commands.push(command);
      return { id: 3 };
    },
    subscribe: (topics: readonly string[], wake: () => void) => {
      expect(topics).toEqual(['keys:3']);
      Object.assign(state, { wake, isSubscribed: true });
      return () => {
        state.isSubscribed = false;
      };
    },
  } as unknown as AgentHandle;
  const store: KeyringStore = {
    save: () => {},
    close: async () => {},
    settled: async () => state.stored,
    get saves() {
      return state.saves;
    },
    file: {
      path: '/etc/k',
      readEdit: async () => {
        if (state.broken !== undefined) throw state.broken;
        return state.edit;
      },
    },
  };
  return { state, store, agent, reader: new KeyringReader(agent, store) };
}

/** Lets pending promises run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('an edit is judged by the members, and waited for', async () => {
  const { state, reader } = stand();
  const reading = reader.read(SETTINGS, SETTINGS);
  await settle();
  expect(state.commands).toEqual([{ kind: 'checkKeyring', keys: KEYS }]);
  state.wake(); // the first answer
  expect(state.isSubscribed).toBe(true);
  state.report = { finished: true, refusal: undefined };
  state.wake();
  const edit = await reading;
  expect(edit?.keys).toBe(KEYS);
  expect(state.isSubscribed).toBe(false);
  edit?.assertCurrent();
  state.saves += 1;
  expect(() => edit?.assertCurrent()).toThrow('a member has changed the gossip keys meanwhile: reload again');
});

test('what the members refuse is refused with the file', async () => {
  const { state, reader } = stand();
  state.report = { finished: true, refusal: 'bob would be cut off' };
  await expect(reader.read(SETTINGS, SETTINGS)).rejects.toMatchObject({
    code: 'config',
    message: 'keyring /etc/k: bob would be cut off',
  });
});

test('without an edit nobody is asked', async () => {
  const { state, reader } = stand();
  state.edit = undefined;
  expect(await reader.read(SETTINGS, SETTINGS)).toBeUndefined();
  expect(state.commands).toEqual([]);
});

test('a broken file is a refusal, but not one that the settings no longer name', async () => {
  const { state, reader } = stand();
  state.broken = new AgentError('config', 'keyring /etc/k:1: it is empty');
  await expect(reader.read(SETTINGS, SETTINGS)).rejects.toThrow('/etc/k:1');
  expect(await reader.read(SETTINGS, { keyringFile: '/etc/other' })).toBeUndefined();
  expect(await reader.read(SETTINGS, { keyringFile: undefined })).toBeUndefined();
});

test('an agent without a keyring file has nothing to read', async () => {
  const { agent, store } = stand();
  const none = { keyringFile: undefined };
  expect(await new KeyringReader(agent, undefined).read(none, none)).toBeUndefined();
  expect(await new KeyringReader(agent, undefined).findUnsaved()).toEqual([]);
  expect(await new KeyringReader(agent, { ...store, file: undefined }).read(none, none)).toBeUndefined();
});

test('keys that are not stored are told', async () => {
  const { state, reader } = stand();
  expect(await reader.findUnsaved()).toEqual([]);
  state.stored = 'the disk is full';
  expect(await reader.findUnsaved()).toEqual([
    'the gossip keys are in use, and not stored: the disk is full',
  ]);
});
