/**
 * Announced absences: a member that stops and will be back (a pause) is neither probed nor asked for help, and what
 * others say against it does not count, until it is back or its time is over. Then the ordinary course goes on.
 *
 * Differs: memberlist knows no such thing, and its agents suspect the member as any other. They are not confirmed.
 */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { Dead, Suspect } from '../../wire/memberlist.ts';
import type { Pause } from '../../wire/pause.ts';
import type { SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isOwnWord } from './leave.ts';
import { isPlausible } from './own-word.ts';
import type { MessageSource } from './source.ts';

/** The longest pause: whoever can forge one hides a death for no longer than that. */
export const MAX_PAUSE: Millis = 300_000;

/**
 * A member says that it pauses. It counts from its own address only, of a member that is held alive, and once: the time
 * runs from the first time that it was heard. True: it is known by now, so the member need not repeat it.
 */
export function handlePause(
  context: SwimContext,
  { node, incarnation, millis }: Omit<Pause, 'kind'>,
  from: Address,
): boolean {
  const { members, absences, now } = context;
  const row = members.get(node);
  if (row === undefined || row === context.self || !isOwnWord(context, row, { kind: 'packet', from }))
    return false;
  if (absences.wasAnnounced(row, incarnation)) return true;
  if (row.state !== 'alive' || row.absence !== undefined) return false;
  if (incarnation < row.incarnation || !isPlausible(context, row, incarnation)) return false;
  const until = now + Math.min(millis, MAX_PAUSE);
  absences.start(row, incarnation, until);
  context.recordFact({ kind: 'memberPaused', node, incarnation, durationMs: until - now });
  return true;
}

/** What others say against an absent member does not count; that it leaves for good is its own word. */
export const isAbsenceViolated = (
  context: SwimContext,
  row: MutableMember,
  message: Suspect | Dead,
  source: MessageSource,
): boolean =>
  row.absence !== undefined &&
  !(message.kind === 'dead' && message.from === message.node && isOwnWord(context, row, source));

/** The member announced itself at this incarnation: above that of its pause it is back. */
export function endAbsenceIfBack(context: SwimContext, row: MutableMember, incarnation: number): void {
  if (row.absence !== undefined && incarnation > row.absence.incarnation) endAbsence(context, row, true);
}

/** The time of these members is over: they are probed again. */
export function expireAbsences(context: SwimContext): void {
  const { absences, now } = context;
  for (let row = absences.nextDue(now); row !== undefined; row = absences.nextDue(now))
    endAbsence(context, row, false);
}

export function endAbsence(context: SwimContext, row: MutableMember, returned: boolean): void {
  if (context.absences.end(row))
    context.recordFact({ kind: 'pauseEnded', node: row.identity.name, returned });
}
