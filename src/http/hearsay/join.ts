/** Joining as both APIs offer it: how many seeds answered, and what came of each of the others. */

import type { JoinReport } from '../../agent/contract/commands.ts';
import type { AgentHandle } from '../../agent/contract/door.ts';
import { AgentError } from '../../base/errors.ts';

/** A report also when no seed answered. Throws `AgentError` when it could not be tried at all. */
export async function joinSeeds(door: AgentHandle, seeds: readonly string[]): Promise<JoinReport> {
  try {
    return (await door.execute({ kind: 'join', seeds })) ?? { joined: seeds.length, failed: [] };
  } catch (error) {
    if (!(error instanceof AgentError && error.code === 'failed')) throw error;
    const { message } = error;
    return { joined: 0, failed: seeds.map((addr) => ({ addr, error: message })) };
  }
}
