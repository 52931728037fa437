/** What evidence says, in words: one clause for each statement. Who tells it stands beside. */
import type { Millis } from '../../base/time.ts';
import type { AccusationReason, ProbeReason } from '../../swim/types.ts';
import type { AttributedEntry } from '../contract/evidence.ts';

/** `300 ms`, `2.1 s`, `4 min`. */
export function formatSpan(millis: Millis): string {
  if (millis < 1000) return `${Math.round(millis)} ms`;
  if (millis < 100_000) return `${(millis / 1000).toFixed(1)} s`;
  return `${Math.round(millis / 60_000)} min`;
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function formatList(names: readonly string[], most = 4): string {
  if (names.length > most) return `${names.slice(0, most).join(', ')} and ${names.length - most} more`;
  const last = names.at(-1) ?? 'nobody';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** Which ways were tried in vain. */
export function formatProbeFailure({ helpers, nacks, stream }: ProbeReason): string {
  const asked = helpers.length;
  if (asked === 0) return stream ? 'direct and stream probes failed' : 'a direct probe failed';
  const silent = asked - nacks;
  const failed = `direct${stream ? ', stream' : ''} and ${nacks} of ${asked} indirect probes failed`;
  return silent === 0 ? failed : `${failed} (nothing came back from ${silent})`;
}

const origin = (source: string): string => (source === '' ? '' : `, heard from ${source}`);

/** Why `by` accused it, as `teller` knows. */
function because(reason: AccusationReason, by: string, teller: string): string {
  switch (reason.kind) {
    case 'probe':
      return formatProbeFailure(reason);
    case 'pushPull':
      return `in a full exchange ${reason.source} had it as ${reason.state}`;
    case 'timeout':
      return `accused by ${formatList(reason.accusers)}, and silent for ${formatSpan(reason.durationMs)}`;
    case 'message':
      return by === teller ? `by word from ${reason.source}` : `its word came from ${reason.source}`;
  }
}

/** One clause; `node` is the member it is about. */
export function formatEntry({ fact, by: teller, count }: AttributedEntry, node: string): string {
  const clause = clauseOf(fact, teller, node);
  return count > 1 ? `${clause} (${count} times)` : clause;
}

function clauseOf(fact: AttributedEntry['fact'], teller: string, node: string): string {
  switch (fact.kind) {
    case 'probeFailed':
      return `a probe of ${node} failed: ${formatProbeFailure(fact.reason)}`;
    case 'probeSavedByTcp':
      return `${node} answered over a stream, and not by UDP`;
    case 'linkOneWay':
      return `${fact.rounds} rounds in a row ${node} answered ${fact.by === 'stream' ? 'over a stream' : 'others'}, and not directly`;
    case 'linkRestored':
      return `${node} answers directly again`;
    case 'memberSuspected':
      return `${fact.by} suspects ${node}: ${because(fact.reason, fact.by, teller)}`;
    case 'suspicionConfirmed':
      return `${fact.by} confirms it: ${because(fact.reason, fact.by, teller)}`;
    case 'suspicionCleared':
      return `${node} refuted it, at incarnation ${fact.incarnation}${origin(fact.source)}`;
    case 'suspicionRefuted':
      return `accused by ${fact.by}${origin(fact.source)}, and refuted it at incarnation ${fact.incarnation}`;
    case 'memberDeclaredDead':
      return fact.left
        ? `${node} left by its own word`
        : `${fact.by} declares ${node} failed: ${because(fact.reason, fact.by, teller)}`;
    case 'memberReturned':
      return `${node} is back, at incarnation ${fact.incarnation}${origin(fact.source)}`;
    case 'memberLeaving':
      return `${node} is about to leave`;
    case 'memberLeft':
      return `${node} counts as left`;
    case 'memberFailed':
      return `${node} counts as failed`;
    case 'memberDropped':
      return `the row of ${node} was dropped`;
    case 'memberReaped':
      return `${node} was forgotten for good; it had ${fact.status}`;
    case 'nameReclaimed':
      return `${node} moved from ${fact.previous}, where nobody answered, to ${fact.claimed}`;
    case 'nameConflict':
      return `${fact.claimed} claims the name ${node}, which ${fact.current} has`;
    case 'nameConflictVote':
      return `members were asked whose name this is: ${fact.votesForUs} for this agent, ${fact.votesAgainst} for another`;
    case 'nameConflictLost':
      return `the name went to ${fact.other}`;
    case 'memberUnverified':
      return `somebody said that ${node} is at ${fact.address}, and nobody answered there`;
    case 'accusationRateLimited':
      return `an accusation in the name of ${fact.by} was refused: too many came from ${fact.source}`;
    case 'gossipMessageRefused':
      return `a gossip message was refused: ${fact.reason}`;
    case 'intentRefused':
      return `an intent was refused: ${fact.reason}`;
    case 'leaveIntentRefuted':
      return `somebody said that ${node} leaves, and it does not`;
    case 'unrefutableAccusation':
      return `accused by ${fact.source} in a way nothing can outbid: it keeps quiet until that is forgotten`;
    case 'unrefutableAccusationEnded':
      return `${node} announces itself anew`;
    case 'agentStarted':
      return `${fact.node} was started, at ${fact.address}`;
    case 'stalled':
      return `${teller} itself was ${formatSpan(fact.latenessMs)} late`;
    case 'awarenessChanged':
      return fact.awareness === 0
        ? `${teller} felt well`
        : `${teller} felt unwell: its health was at ${fact.awareness}`;
  }
}
