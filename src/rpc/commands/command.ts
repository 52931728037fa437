/** What a command of Serf's RPC is, and what it may use. */
import type { Scope } from '../../access/scope.ts';
import type { AgentHandle } from '../../agent/contract/agent-handle.ts';
import type { EventFeed, LogFeed } from '../../agent/contract/feeds.ts';
import type { HandlerConfig } from '../../config/schema.ts';
import type { MsgpackReader } from '../../wire/msgpack.ts';

/** What all clients share. */
export interface RpcSite {
  readonly agent: AgentHandle;
  readonly events: EventFeed;
  readonly logs: LogFeed;
  /** The event handlers of this agent, as they are configured now. */
  handlers(): readonly HandlerConfig[];
}

/** The connection of a client. Records are replies that nobody waits for: a client that does not read them is cut off. */
export interface RpcClient {
  /** Its address, for the log. */
  readonly name: string;
  readonly streams: StreamRegistry;
  sendRecord(seq: number, body: unknown): void;
}

/** The streams of one connection, by the sequence number of the request that opened each. */
export interface StreamRegistry {
  /** `close` is called once, when the client stops the stream or is gone. Throws `AgentError` if it cannot be opened. */
  open(seq: number, kind: 'events' | 'log' | 'query', close: () => void): void;
  close(seq: number): void;
}

export interface RpcCall<B> {
  readonly seq: number;
  readonly body: B;
  readonly site: RpcSite;
  readonly client: RpcClient;
}

export interface RpcReply {
  /** Why it failed; absent: it has succeeded. */
  readonly error?: string;
  readonly body?: unknown;
  /** Called after the reply was sent: records follow it. */
  readonly afterwards?: () => void;
}

export interface RpcCommand<B = unknown> {
  readonly scope: Scope;
  /** Reads the value that follows the header; absent: none does. */
  readonly request?: { read(reader: MsgpackReader): B };
  /** The body of a reply that says why the command failed: Serf's clients read one after each header of such a command. */
  readonly failureBody?: unknown;
  /** Throws or rejects with `AgentError`. */
  run(call: RpcCall<B>): RpcReply | undefined | Promise<RpcReply | undefined>;
}

export const command = <B>(declared: RpcCommand<B>): RpcCommand => declared as RpcCommand;
