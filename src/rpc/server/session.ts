/**
 * What one client may do: it shakes hands, sends its key if one is needed, and then commands. Errors that Serf's clients
 * know have Serf's words.
 *
 * Source: Serf documentation, "RPC Protocol"; S13 (docs/security.md).
 */
import { includesScope, type Scope } from '../../access/scope.ts';
import type { OperatorTokenFile, TokenScopes } from '../../access/token-scopes.ts';
import { AgentError } from '../../base/errors.ts';
import { MsgpackReader } from '../../wire/msgpack.ts';
import type { RpcClient, RpcCommand, RpcReply, RpcSite } from '../commands/command.ts';
import { RPC_COMMANDS } from '../commands/index.ts';
import * as requests from '../protocol/requests.ts';

export interface SessionAccess {
  scopes(): TokenScopes;
  /** To be named to clients of this host. */
  operatorTokenFile(): OperatorTokenFile | undefined;
}

/** The only version there is. */
const VERSION = 1;

/** Wrong keys that one connection may send. */
const MAX_WRONG_KEYS = 8;

export interface SessionReply extends RpcReply {
  /** The connection is of no more use. */
  readonly close?: string;
}

export class Session {
  readonly #access: SessionAccess;
  readonly #site: RpcSite;
  readonly #client: RpcClient & { readonly isLocal: boolean };
  #isReady = false;
  #held: Scope | undefined;
  #wrongKeys = 0;

  constructor(access: SessionAccess, site: RpcSite, client: RpcClient & { readonly isLocal: boolean }) {
    this.#access = access;
    this.#site = site;
    this.#client = client;
  }

  /** Whether the client has shaken hands. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Refuses what must not even be read; else says whether a value follows the header. */
  begin(name: string): SessionReply | { readonly hasBody: boolean } {
    if (name === 'handshake') return { hasBody: true };
    if (!this.#isReady) return { error: 'Handshake required', close: 'it did not shake hands first' };
    if (name === 'auth') return { hasBody: true };
    const command = RPC_COMMANDS.get(name);
    if (command === undefined)
      return { error: 'Unsupported command', close: 'it sent a command that does not exist' };
    return { hasBody: command.request !== undefined };
  }

  /** `value` is what followed the header. Rejects only for a fault of the agent, or with `WireError` for a wrong value. */
  async run(name: string, seq: number, value: Uint8Array | undefined): Promise<SessionReply> {
    const reader = new MsgpackReader(value ?? new Uint8Array(0));
    if (name === 'handshake') return this.#shakeHands(requests.HandshakeBody.read(reader).version);
    if (name === 'auth') return this.#authenticate(requests.AuthBody.read(reader).authKey);
    const command = RPC_COMMANDS.get(name) as RpcCommand;
    const body = command.request?.read(reader);
    const refusal = this.#refuse(command);
    if (refusal !== undefined) return refusal;
    try {
      const call = { seq, body, site: this.#site, client: this.#client };
      return (await command.run(call)) ?? {};
    } catch (error) {
      if (error instanceof AgentError) return { error: error.message, body: command.failureBody };
      throw error;
    }
  }

  /** A client that sends a request after a failure of the agent gets an answer of its form. */
  static failureBody(name: string): unknown {
    return RPC_COMMANDS.get(name)?.failureBody;
  }

  #shakeHands(version: number): SessionReply {
    if (version !== VERSION) return { error: 'Unsupported IPC version' };
    if (this.#isReady) return { error: 'Handshake already performed' };
    this.#isReady = true;
    return {};
  }

  #authenticate(key: string): SessionReply {
    const scope = this.#access.scopes().scopeOf(key);
    if (scope !== 'public') {
      this.#held = scope;
      return {};
    }
    this.#wrongKeys += 1;
    const error = 'Invalid authentication token';
    return this.#wrongKeys < MAX_WRONG_KEYS ? { error } : { error, close: 'it sent too many wrong keys' };
  }

  /** Serf's clients await no body after exactly `Authentication required`, and one after any other error. */
  #refuse({ scope, failureBody }: RpcCommand): SessionReply | undefined {
    const scopes = this.#access.scopes();
    if (scopes.isOpen(scope)) return undefined;
    if (this.#held !== undefined && includesScope(this.#held, scope)) return undefined;
    if (this.#held === undefined && !scopes.isOpen('read')) return { error: 'Authentication required' };
    const has = this.#held === undefined ? '' : `, and the key that was sent has only ${this.#held}`;
    const path = this.#client.isLocal ? this.#access.operatorTokenFile()?.path : undefined;
    const where = path === undefined ? '' : `; the agent's user and root find one in ${path}`;
    return {
      error: `Authentication required: this needs a key of the scope ${scope}${has}: send it with -rpc-auth${where}`,
      body: failureBody,
    };
  }
}
