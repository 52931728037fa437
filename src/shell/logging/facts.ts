/** Facts of the shell: what can happen to sockets, files, scripts and HTTP requests, as data. */
import type { Fact } from '../../agent/contract/facts.ts';

export type ShellFact = Readonly<
  | { kind: 'packetSendFailed'; to: string; code: string }
  | { kind: 'socketFailed'; socket: 'udp' | 'tcp'; code: string }
  | { kind: 'receiveBufferSmall'; bytes: number; requested: number }
  | { kind: 'snapshotQuarantined'; file: string; reason: string }
  | { kind: 'storageFailed'; reason: string }
  | { kind: 'storageRecovered' }
  | { kind: 'storageLockUnavailable'; reason: string }
  | { kind: 'keyringExposed'; file: string }
  | { kind: 'dataDirectoryExposed'; file: string }
  | { kind: 'keyringUnreadable'; file: string; reason: string }
  /** `source` is where a key was configured, `file` the keyring of the data directory. */
  | { kind: 'gossipKeyOutdated'; source: string; file: string }
  | { kind: 'keyringReplaced'; source: string; file: string }
  /** `output` is never logged: it may hold secrets. */
  | { kind: 'handlerRan'; handler: string; event: string; durationMs: number; output: string }
  | { kind: 'handlerFailed'; handler: string; event: string; reason: string }
  | { kind: 'handlerEventDropped'; handler: string; event: string }
  | { kind: 'recordingStarted'; file: string; redacted: boolean }
  | { kind: 'recordingFull'; file: string; bytes: number }
  | { kind: 'recordingFailed'; file: string; reason: string }
  | { kind: 'httpRequestFailed'; reason: string; stack: string }
  | { kind: 'rpcRequestFailed'; reason: string; stack: string }
  /** We closed the connection of a client of RPC, which has done something wrong. */
  | { kind: 'rpcClientClosed'; client: string; reason: string }
  /** `change` is a sentence that begins with `name`. */
  | { kind: 'reloadChange'; part: string; name: string; change: string }
  | { kind: 'restartNeeded'; settings: string }
  | { kind: 'reloaded'; changes: number }
  | { kind: 'reloadFailed'; reason: string }
  /** `reason` is a clause that says what to do. */
  | { kind: 'containerRefused'; engine: string; container: string; reason: string }
  | { kind: 'containerEngineAway'; engine: string; reason: string }
  | { kind: 'containerEngineBack'; engine: string; containers: number }
  | { kind: 'agentCrashed'; reason: string; stack: string }
>;

export type JournalFact = Fact | ShellFact;
