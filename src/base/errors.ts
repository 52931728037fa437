/** The errors that leave a room: one for foreign bytes, one for callers. Impossible states are `assert`'s. */

/** Why bytes from a stranger were refused. Codes are stable: they are counted and appear in logs. */
export type WireErrorCode =
  | 'short' // fewer bytes than declared; on a stream: wait for more
  | 'malformed' // not the msgpack, or not the envelope, that must stand here
  | 'tooLarge' // over a limit of size, count or depth
  | 'unknownType'
  | 'badValue' // well formed, but a value that must not be stored or forwarded
  | 'badChecksum'
  | 'badLabel'
  | 'plaintext' // a key is set and this was not encrypted
  | 'encrypted' // no key is set and this was
  | 'undecryptable'
  | 'badCompression'
  | 'versionMismatch' // a push/pull whose protocol versions cannot live with ours
  | 'remote'; // the peer answered with an error of its own

/** Thrown only in `wire/`; caught only at the packet and the stream door. State of the agent is unchanged. */
export class WireError extends Error {
  readonly code: WireErrorCode;
  constructor(code: WireErrorCode, detail: string) {
    super(detail);
    this.name = 'WireError';
    this.code = code;
  }
}

/** Every error a caller can get: HTTP status and exit code. The sentence says what to do next. */
export const AGENT_ERRORS = {
  /** The request is malformed; nothing changed. */
  badRequest: { status: 400, exit: 2 },
  /** Refused by a guard: token, Host, Origin; nothing changed. */
  forbidden: { status: 403, exit: 1 },
  /** No such node, service or check; nothing changed. */
  notFound: { status: 404, exit: 4 },
  /** It exists, but not in the state this needs; nothing changed. */
  conflict: { status: 409, exit: 4 },
  /** Larger than a limit allows; nothing changed. */
  tooLarge: { status: 413, exit: 2 },
  /** Tried and failed: the network, a peer, the disk. What had been reached stays. */
  failed: { status: 500, exit: 1 },
  /** Needs consensus, which this agent does not have. */
  unavailable: { status: 501, exit: 1 },
  /** A setting is wrong; nothing was started. */
  config: { status: 500, exit: 78 },
} as const;

export type AgentErrorCode = keyof typeof AGENT_ERRORS;

export class AgentError extends Error {
  readonly code: AgentErrorCode;
  constructor(code: AgentErrorCode, sentence: string) {
    super(sentence);
    this.name = 'AgentError';
    this.code = code;
  }
  get status(): number {
    return AGENT_ERRORS[this.code].status;
  }
  get exit(): number {
    return AGENT_ERRORS[this.code].exit;
  }
}
