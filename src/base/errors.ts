/** The errors between layers: one for untrusted bytes, one for callers. Impossible states use `assert`. */

/** Why bytes from an untrusted sender were rejected. Codes are stable: they appear in logs. */
export type WireErrorCode =
  | 'short' // fewer bytes than declared; on a stream: wait for more
  | 'malformed' // not the expected msgpack or envelope
  | 'tooLarge' // over a limit of size, count or depth
  | 'unknownType'
  | 'badValue' // well formed, but a value that must not be stored or forwarded
  | 'badChecksum'
  | 'badLabel'
  | 'plaintext' // a key is set and this was not encrypted
  | 'encrypted' // no key is set and this was
  | 'undecryptable'
  | 'badCompression'
  | 'versionMismatch' // a push/pull with incompatible protocol versions
  | 'remote'; // the peer answered with an error of its own

/** Thrown in `wire/` only, and caught by the packet codec and the stream reader. The agent's state is unchanged. */
export class WireError extends Error {
  readonly code: WireErrorCode;
  constructor(code: WireErrorCode, detail: string) {
    super(detail);
    this.name = 'WireError';
    this.code = code;
  }
}

/** Every error that a caller can get, with its HTTP status and exit code. Its message says what to do next. */
export const AGENT_ERRORS = {
  /** The request is malformed; nothing changed. */
  badRequest: { status: 400, exit: 2 },
  /** Refused by access control: token, Host, Origin; nothing changed. */
  forbidden: { status: 403, exit: 1 },
  /** No such node, service or check; nothing changed. */
  notFound: { status: 404, exit: 4 },
  /** The object is not in a state that allows it; nothing changed. */
  conflict: { status: 409, exit: 4 },
  /** Larger than a limit allows; nothing changed. */
  tooLarge: { status: 413, exit: 2 },
  /** It was tried and failed: the network, a peer, the disk. What was done before stays. */
  failed: { status: 500, exit: 1 },
  /** Needs consensus, which this agent does not have. */
  unavailable: { status: 501, exit: 1 },
  /** A setting is wrong; nothing was started. */
  config: { status: 500, exit: 78 },
} as const;

export type AgentErrorCode = keyof typeof AGENT_ERRORS;

export class AgentError extends Error {
  readonly code: AgentErrorCode;
  constructor(code: AgentErrorCode, message: string) {
    super(message);
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
