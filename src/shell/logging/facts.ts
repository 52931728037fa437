/** The words of the shell: what can happen to sockets, files and programs, as data. */
import type { Fact } from '../../agent/contract/facts.ts';

/** What happened to the shell itself. */
export type ShellFact = Readonly<
  | { kind: 'packetUnsent'; to: string; code: string }
  | { kind: 'socketFailed'; socket: 'udp' | 'tcp'; code: string }
  | { kind: 'receiveBufferSmall'; bytes: number; asked: number }
  | { kind: 'snapshotQuarantined'; file: string; why: string }
  | { kind: 'storageFailed'; why: string }
  | { kind: 'storageRecovered' }
  | { kind: 'storageUnlocked'; why: string }
  | { kind: 'keyringExposed'; file: string }
  /** What it said is nobody's business who reads the log. */
  | { kind: 'handlerRan'; handler: string; event: string; millis: number; said: string }
  | { kind: 'handlerFailed'; handler: string; event: string; why: string }
  | { kind: 'handlerDropped'; handler: string; event: string }
  | { kind: 'recordingStarted'; file: string; redacted: boolean }
  | { kind: 'recordingFull'; file: string; bytes: number }
  | { kind: 'recordingFailed'; file: string; why: string }
  | { kind: 'httpFailed'; why: string; stack: string }
  | { kind: 'agentCrashed'; why: string; stack: string }
>;

export type JournalFact = Fact | ShellFact;
