/** Evidence as text: one clause for each entry. Its observer is shown beside it. */
import type { Millis } from '../../base/time.ts';
import type { AccusationReason, ClosedReason, ProbeReason, StreamFailure } from '../../swim/types.ts';
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
  const last = names.at(-1) ?? 'none';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** The probes that failed. */
export function formatProbeFailure({ helpers, nacks, stream }: ProbeReason): string {
  const count = helpers.length;
  if (count === 0) return stream ? 'direct and stream probes failed' : 'a direct probe failed';
  const silent = count - nacks;
  const failed = `direct${stream ? ', stream' : ''} and ${nacks} of ${count} indirect probes failed`;
  return silent === 0
    ? failed
    : `${failed} (${silent} ${silent === 1 ? 'helper' : 'helpers'} did not answer)`;
}

/** What watchers found when their connections had closed. */
export function formatRefusals({ accusers, refusals, durationMs }: ClosedReason): string {
  const at =
    accusers.length === 1 ? `at ${accusers[0]} its connection` : `at ${formatList(accusers)} its connections`;
  const were = refusals === 1 ? 'one was' : 'ones were';
  return `${at} closed, and ${refusals} new ${were} refused within ${formatSpan(durationMs)}`;
}

/** What a connection to the member's host met. */
export const formatContact = (failure: StreamFailure): string => CONTACT_CLAUSES[failure];

const CONTACT_CLAUSES: Readonly<Record<StreamFailure, string>> = {
  refused: 'its host refused a connection: no process listened there',
  unanswered: 'its host accepted a connection, and its process did not answer: it hangs, or is suspended',
  closed:
    'its host closed a connection without an answer: another agent, or one with other keys, listens there',
  unreachable: 'the network knows no way to its host',
  timeout: 'nothing answered: its host is down, or the way to it is cut',
};

const origin = (source: string): string => (source === '' ? '' : `, received from ${source}`);

const formatFailure = (failure: StreamFailure | undefined): string =>
  failure === undefined ? '' : `; ${formatContact(failure)}`;

/** Why `by` accused the member, as `observer` knows. */
function formatReason(reason: AccusationReason, by: string, observer: string): string {
  switch (reason.kind) {
    case 'probe':
      return `${formatProbeFailure(reason)}${formatFailure(reason.streamFailure)}`;
    case 'pushPull':
      return `${reason.source} reported it as ${reason.state} in a push/pull`;
    case 'timeout':
      return `accused by ${formatList(reason.accusers)}, and silent for ${formatSpan(reason.durationMs)}${formatFailure(reason.streamFailure)}`;
    case 'closed':
      return formatRefusals(reason);
    case 'message':
      return by === observer
        ? `after a message from ${reason.source}`
        : `its message came from ${reason.source}`;
  }
}

/** One clause about `node`, without a full stop. */
export function formatEntry({ fact, by: observer, count }: AttributedEntry, node: string): string {
  const clause = clauseOf(fact, observer, node);
  return count > 1 ? `${clause} (${count} times)` : clause;
}

type LinkFact = Extract<
  AttributedEntry['fact'],
  {
    kind:
      | 'connectionClosed'
      | 'probeSavedByTcp'
      | 'linkOneWay'
      | 'linkRestored'
      | 'longDatagramsLost'
      | 'longDatagramsPass';
  }
>;

/** What was seen of the way to the member. */
function formatLink(fact: LinkFact): string {
  const { node } = fact;
  switch (fact.kind) {
    case 'connectionClosed':
      return `the connection to ${node} closed without a farewell`;
    case 'probeSavedByTcp':
      return `${node} answered over TCP, but not over UDP`;
    case 'linkOneWay':
      return `in ${fact.rounds} rounds in a row ${node} answered ${fact.by === 'stream' ? 'over TCP' : 'others'}, but no direct ping`;
    case 'linkRestored':
      return `${node} answers direct pings again`;
    case 'longDatagramsLost':
      return `datagrams of ${fact.bytes} bytes and more do not reach ${node}, and shorter ones do: it is sent ${fact.limit} at most`;
    case 'longDatagramsPass':
      return `long datagrams reach ${node} again`;
  }
}

function clauseOf(fact: AttributedEntry['fact'], observer: string, node: string): string {
  switch (fact.kind) {
    case 'probeFailed':
      return `a probe of ${node} failed: ${formatReason(fact.reason, observer, observer)}`;
    case 'connectionClosed':
    case 'probeSavedByTcp':
    case 'linkOneWay':
    case 'linkRestored':
    case 'longDatagramsLost':
    case 'longDatagramsPass':
      return formatLink(fact);
    case 'memberSuspected':
      return `${fact.by} suspects ${node}: ${formatReason(fact.reason, fact.by, observer)}`;
    case 'suspicionConfirmed':
      return `${fact.by} confirms it: ${formatReason(fact.reason, fact.by, observer)}`;
    case 'suspicionCleared':
      return `${node} refuted it, at incarnation ${fact.incarnation}${origin(fact.source)}`;
    case 'suspicionRefuted':
      return `accused by ${fact.by}${origin(fact.source)}, and refuted it at incarnation ${fact.incarnation}`;
    case 'memberPaused':
      return `${node} stopped, and said that it will be back within ${formatSpan(fact.durationMs)}`;
    case 'pauseEnded':
      return fact.returned ? `${node} is back from its pause` : `the pause of ${node} is over`;
    case 'memberDeclaredDead':
      return fact.left
        ? `${node} left in order`
        : `${fact.by} declares ${node} failed: ${formatReason(fact.reason, fact.by, observer)}`;
    case 'memberReturned':
      return `${node} is back, at incarnation ${fact.incarnation}${origin(fact.source)}`;
    case 'memberLeaving':
      return `${node} announced that it leaves`;
    case 'memberLeft':
      return `${node} has left`;
    case 'memberFailed':
      return `${node} has failed`;
    case 'memberDropped':
      return `the row of ${node}${fact.address === '' ? '' : ` at ${fact.address}`} was dropped`;
    case 'memberDiscovered':
      return `${node} was discovered again, at ${fact.address}`;
    case 'memberReaped':
      return `${node} was reaped: it had ${fact.status}`;
    case 'nameReclaimed':
      return `${node} moved from ${fact.previous}, which no longer answered, to ${fact.claimed}`;
    case 'nameConflict':
      return `${fact.claimed} claims the name ${node}, which ${fact.current} has`;
    case 'nameConflictVote':
      return `name conflict vote: ${fact.votesForUs} for this agent, ${fact.votesAgainst} for another`;
    case 'nameConflictLost':
      return `the name went to ${fact.other}`;
    case 'memberUnverified':
      return `a message placed ${node} at ${fact.address}, but nothing answered there`;
    case 'accusationRateLimited':
      return `an accusation by ${fact.by} was dropped: too many came from ${fact.source}`;
    case 'gossipMessageRefused':
      return `a gossip message was refused: ${fact.reason}`;
    case 'intentRefused':
      return `an intent was refused: ${fact.reason}`;
    case 'leaveIntentRefuted':
      return `a false leave intent about ${node} was refuted`;
    case 'unrefutableAccusation':
      return `${fact.source} holds an accusation that cannot be refuted: ${node} is quiet until it is dropped`;
    case 'unrefutableAccusationEnded':
      return `${node} announces itself again`;
    case 'agentStarted':
      return `${fact.node} was started at ${fact.address}`;
    case 'stalled':
      return `${observer} itself was ${formatSpan(fact.latenessMs)} late`;
    case 'awarenessChanged':
      return fact.awareness === 0
        ? `${observer} is healthy again`
        : `${observer} is unhealthy (awareness ${fact.awareness}, 0 is healthy)`;
  }
}
