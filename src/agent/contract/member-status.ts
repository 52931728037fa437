/** The status of a member as readers see it. */
import type { SerfStatus } from '../../serf/types.ts';

/** Serf's; or `suspect` while SWIM suspects it, or `away` while it has stopped and said that it will be back. */
export type MemberStatus = SerfStatus | 'suspect' | 'away';
