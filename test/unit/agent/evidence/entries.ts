/** Evidence about `db-3`, as `db-1` and others report it, in tests of the diagnosis. */
import type { AttributedEntry, EvidenceFact } from '../../../../src/agent/contract/evidence.ts';
import type { MemberView } from '../../../../src/agent/contract/view.ts';
import type { DiagnosisInput } from '../../../../src/agent/evidence/findings.ts';
import { parseAddress } from '../../../../src/base/address.ts';
import type { ProbeReason } from '../../../../src/swim/types.ts';

export const probe = (changes: Partial<ProbeReason> = {}): ProbeReason => ({
  ...{ kind: 'probe', seqNo: 1, durationMs: 1000, helpers: ['a', 'b', 'c'], nacks: 3 },
  ...{ stream: false, awareness: 0, latenessMs: 0 },
  ...changes,
});
export const entry = (by: string, at: number, fact: EvidenceFact): AttributedEntry => ({
  ...{ by, at, lastAt: at, count: 1 },
  fact,
});
export const suspected = (by: string, at: number, reason = probe()): AttributedEntry =>
  entry(by, at, {
    kind: 'memberSuspected',
    node: 'db-3',
    by,
    incarnation: 1,
    deadline: at + 4000,
    reason,
  });
export const dead = (by: string, at: number, accusers = ['db-1']): AttributedEntry =>
  entry(by, at, {
    ...{ kind: 'memberDeclaredDead', node: 'db-3', by, incarnation: 1, left: false },
    reason: { kind: 'timeout', accusers, durationMs: 4000, cause: probe() },
  });
export const stalled = (by: string, at: number, lateness: number): AttributedEntry =>
  entry(by, at, { kind: 'stalled', latenessMs: lateness });

export const started = (by: string, at: number, address = '10.0.0.2:7946'): AttributedEntry =>
  entry(by, at, { kind: 'agentStarted', node: by, address, encrypted: false });
export const cleared = (by: string, at: number): AttributedEntry =>
  entry(by, at, { kind: 'suspicionCleared', node: 'db-3', incarnation: 2, source: '10.0.0.3:7946' });
export const memberAt = (name: string, host: string, status: MemberView['status'] = 'alive'): MemberView =>
  ({ name, status, since: 0, address: parseAddress(`${host}:7946`) }) as unknown as MemberView;

export const inputOf = (
  entries: readonly AttributedEntry[],
  changes: Partial<DiagnosisInput> = {},
): DiagnosisInput => ({
  ...{ node: 'db-3', self: 'db-1', status: 'failed', since: 4000, members: [], witnesses: new Set() },
  entries: [...entries].sort((a, b) => a.at - b.at),
  formatTime: (at) => `12:00:0${Math.round(at / 1000)}`,
  ...changes,
});
export const accusation = [suspected('db-1', 0), dead('db-1', 4000)];
export const ALIVE = { status: 'alive', since: 5000 } as const;
export const SILENCE = 'nothing answered: its host is down, or the way to it is cut';
/** A probe of which no helper has confirmed the result. */
export const alone = (changes: Partial<ProbeReason> = {}): ProbeReason =>
  probe({ helpers: [], nacks: 0, ...changes });
