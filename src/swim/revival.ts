/**
 * Old news that somebody is alive whose name we dropped: not believed before the member itself answers. A full
 * exchange with a peer that missed a death must not bring the dead back.
 *
 * Differs: memberlist forgets with the row, and then revives the dead for hours (memberlist#312).
 */
import { address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import type { Alive } from '../wire/memberlist.ts';
import { type Core, pingFrom } from './core.ts';
import type { Member, SwimEffect } from './types.ts';
import { maxVersion, STREAM_PING_VERSION } from './versions.ts';

/** How often a member is asked for one claim. */
const ATTEMPTS = 3;

/** Asks whoever is said to be alive, unless we are asking already. */
export function askWhetherAlive(core: Core, alive: Alive, now: Millis, out: SwimEffect[]): void {
  if (!core.graves.isAsked(alive.node)) ask(core, alive, 1, now, out);
}

/** Repeats what got no answer; the packet may be lost. */
export function askAgain(core: Core, now: Millis, out: SwimEffect[]): void {
  for (;;) {
    const question = core.graves.unanswered(now);
    if (question === undefined) return;
    if (question.attempt < ATTEMPTS) ask(core, question.alive, question.attempt + 1, now, out);
  }
}

/** The first time by UDP alone, then over a stream as well. */
function ask(core: Core, alive: Alive, attempt: number, now: Millis, out: SwimEffect[]): void {
  const { node, addr, port, meta, vsn, incarnation } = alive;
  const seqNo = core.nextSeqNo();
  core.graves.ask(alive, seqNo, attempt, now);
  const to = address(addr, port);
  out.push({ kind: 'send', to, peer: undefined, message: pingFrom(core, seqNo, node), fill: false });
  if (attempt === 1 || !core.config.streamPing) return;
  const identity = { name: node, address: to, meta, vsn };
  const peer: Member = { identity, state: 'dead', incarnation, since: now };
  const deadline = now + core.config.probeInterval;
  if (maxVersion(peer) >= STREAM_PING_VERSION) out.push({ kind: 'streamPing', seqNo, peer, deadline });
}
