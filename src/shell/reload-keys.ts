/**
 * The keyring file at a reload: read again, and taken over if an operator has edited it, unless this agent would be cut off
 * from the others by it.
 */
import type { AgentHandle } from '../agent/contract/agent-handle.ts';
import type { KeyOperationReport, ReloadOutcome } from '../agent/contract/commands.ts';
import { AgentError } from '../base/errors.ts';
import type { ReloadChange } from '../config/reload.ts';
import type { AgentConfig } from '../config/schema.ts';
import type { KeyringStore } from './storage/keyring.ts';

/** Keys that an operator has put into the keyring file. */
export interface KeyringEdit {
  readonly keys: readonly Uint8Array[];
  /** Throws `AgentError` if the keys of this agent have changed since they were judged. */
  assertCurrent(): void;
}

type KeyFile = Pick<AgentConfig, 'keyringFile'>;

export class KeyringReader {
  readonly #agent: AgentHandle;
  readonly #store: KeyringStore | undefined;

  /** Without a store no key can change at a reload. */
  constructor(agent: AgentHandle, store: KeyringStore | undefined) {
    this.#agent = agent;
    this.#store = store;
  }

  /**
   * Resolves to `undefined` if the file was not edited, or if the settings name another one, which waits for a restart. Rejects
   * with `AgentError` if it is broken, or would cut this agent off.
   */
  async read(running: KeyFile, next: KeyFile): Promise<KeyringEdit | undefined> {
    const store = this.#store;
    if (store?.file === undefined || running.keyringFile !== next.keyringFile) return undefined;
    const { saves } = store;
    const keys = await store.file.readEdit();
    if (keys === undefined) return undefined;
    const refusal = await this.#findRefusal(keys);
    if (refusal !== undefined) throw new AgentError('config', `keyring ${store.file.path}: ${refusal}`);
    const assertCurrent = (): void => {
      if (store.saves !== saves)
        throw new AgentError('conflict', 'a member has changed the gossip keys meanwhile: reload again');
    };
    return { keys, assertCurrent };
  }

  /** A warning, if the keys that were taken over could not be stored. */
  async findUnsaved(): Promise<string[]> {
    const error = await this.#store?.settled();
    return error === undefined ? [] : [`the gossip keys are in use, and not stored: ${error}`];
  }

  async #findRefusal(keys: readonly Uint8Array[]): Promise<string | undefined> {
    const { id } = await this.#agent.execute({ kind: 'checkKeyring', keys });
    return (await this.#finish(id))?.refusal;
  }

  /** Resolves when the members have answered, or have had their time. If the agent stops before, nobody waits any more. */
  #finish(id: number): Promise<KeyOperationReport | undefined> {
    const report = (): KeyOperationReport | undefined => this.#agent.view.keyOperationReport(id);
    return new Promise((resolve) => {
      const settle = (): void => {
        if (report()?.finished === false) return;
        unsubscribe();
        resolve(report());
      };
      const unsubscribe = this.#agent.subscribe([`keys:${id}`], settle);
      settle();
    });
  }
}

export const keyChange = ({ key, change }: NonNullable<ReloadOutcome['keys']>[number]): ReloadChange => ({
  kind: 'key',
  name: key,
  text: `gossip key ${key} ${KEY_CHANGES[change]}`,
});

const KEY_CHANGES: Readonly<Record<NonNullable<ReloadOutcome['keys']>[number]['change'], string>> = {
  install: 'was installed',
  use: 'is the primary now',
  remove: 'was removed',
};
