/** Joins through seeds, for both APIs. */

import type { AgentHandle } from '../../agent/contract/agent-handle.ts';
import type { JoinReport } from '../../agent/contract/commands.ts';
import { joinAdvice } from '../../agent/operations/join-leave.ts';
import { AgentError } from '../../base/errors.ts';

/** `advice`: what to do, if no seed responded. */
export type AdvisedJoinReport = JoinReport & { readonly advice?: string };

/** Returns a report even if no seed responded. Throws `AgentError` if the agent could not try. */
export async function joinSeeds(
  agent: AgentHandle,
  seeds: readonly string[],
  replay = false,
): Promise<AdvisedJoinReport> {
  try {
    const report = (await agent.execute({ kind: 'join', seeds, ...(replay && { replay }) })) ?? {
      joined: seeds.length,
      failed: [],
    };
    return report.joined > 0 ? report : { ...report, advice: joinAdvice(report) };
  } catch (error) {
    if (!(error instanceof AgentError && error.code === 'failed')) throw error;
    const { message } = error;
    return { joined: 0, failed: seeds.map((addr) => ({ addr, error: message })) };
  }
}
