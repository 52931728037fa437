/**
 * Death by closed connection. The connection to a watched member closes if its process ends; then that member is asked at
 * once, by a ping and by new connections. If its host refuses two of them, nobody listens there, and the member is
 * suspected; if it goes on refusing until `closeGrace` is over, nothing was heard from it meanwhile, and another watcher
 * has found the same, it is declared dead. Any answer ends that. Silence says nothing of the process: then the member is
 * probed as always, but first of all.
 *
 * Differs: memberlist keeps no connections. A connection alone proves nothing, since a NAT or a firewall may have reset it,
 * and a refusal may be a firewall's on the way to one watcher alone.
 */
import type { Address } from '../../base/address.ts';
import type { Millis } from '../../base/time.ts';
import type { Dead, Suspect } from '../../wire/memberlist.ts';
import { isAtAddress, type SwimContext } from '../context.ts';
import { isUp } from '../precedence.ts';
import { clearRefusal, isGraceOver } from '../refusal.ts';
import { LOCAL_SOURCE } from '../rules/source.ts';
import { extendSuspicion, handleDead, handleSuspect } from '../rules/suspect-dead.ts';
import type { ClosedConnection } from '../state/closed-connections.ts';
import type { ClosedReason, Member, StreamPingOutcome } from '../types.ts';

/** Refusals by which a member is suspected: one may be that of a process which is just being replaced. */
const REFUSALS = 2;

/**
 * A process that ends may close its connections before it stops to listen: what is accepted meanwhile is closed, too. After
 * so many, and twice the wait each time, something else lives there, or the process has no files left.
 */
const MAX_ACCEPTANCES = 5;
const FIRST_WAIT: Millis = 10;

/** Probes a member as the next one. */
export type ProbeNext = (member: Member) => void;

/** The connection to the member of this name has closed, without a farewell. */
export function handleClosedConnection(context: SwimContext, name: string): void {
  const { members, self, closedConnections, now } = context;
  const row = members.get(name);
  if (row === undefined || row === self || !isUp(row.state) || row.absence !== undefined) return;
  if (self.state === 'left' || closedConnections.get(row) !== undefined) return;
  context.recordFact({ kind: 'connectionClosed', node: name });
  askHost(context, closedConnections.start(row, now));
}

/** An ack, or the outcome of a stream ping. False: it belongs to none of these. */
export function handleClosedAnswer(
  context: SwimContext,
  seqNo: number,
  outcome: StreamPingOutcome,
  probeNext: ProbeNext,
): boolean {
  const closed = context.closedConnections.bySeqNo(seqNo);
  if (closed === undefined) return false;
  if (outcome === 'acked') onAnswer(context, closed);
  else if (outcome === 'refused') onRefusal(context, closed);
  else if (outcome !== 'connected') onSilence(context, closed, outcome, probeNext);
  return true;
}

/** A datagram has come from this address: whoever sent it had not ended by then, unless it was under way for long. */
export function noteSignOfLife(context: SwimContext, from: Address): void {
  for (const closed of context.closedConnections.all())
    if (closed.refusals > 0 && isAtAddress(closed.row.identity, from.ip, from.port))
      closed.silentSince = context.now;
}

/** Asks the hosts that are due again. */
export function advanceClosedConnections(context: SwimContext): void {
  const { closedConnections, now } = context;
  for (let due = closedConnections.nextDue(now); due !== undefined; due = closedConnections.nextDue(now)) {
    if (!isOpen(context, due)) closedConnections.delete(due);
    else if (due.refusals < REFUSALS || isGraceOver(context, due.silentSince)) askHost(context, due);
    else closedConnections.schedule(due, due.silentSince + context.config.closeGrace);
  }
}

function askHost(context: SwimContext, closed: ClosedConnection): void {
  const { row } = closed;
  const { name: node } = row.identity;
  closed.seqNo = context.nextSeqNo();
  const ping = context.createPing(closed.seqNo, node);
  if (row.state === 'suspect') {
    const { incarnation } = row;
    context.sendPingWithAccusation(row, ping, { kind: 'suspect', incarnation, node, from: context.name });
  } else context.sendWithPiggyback(row.identity.address, row, ping);
  const deadline = context.now + context.config.probeTimeout;
  context.out.push({ kind: 'streamPing', seqNo: closed.seqNo, peer: row, deadline });
}

/** The process is there: the connection was reset on its way, or it has been restarted. */
function onAnswer(context: SwimContext, closed: ClosedConnection): void {
  context.closedConnections.delete(closed);
  clearRefusal(context, closed.row);
  extendSuspicion(context, closed.row);
}

function onRefusal(context: SwimContext, closed: ClosedConnection): void {
  const { closedConnections, config } = context;
  if (!isOpen(context, closed)) return closedConnections.delete(closed);
  closed.refusals += 1;
  if (closed.refusals < REFUSALS) return askHost(context, closed);
  const { row, incarnation } = closed;
  const node = row.identity.name;
  if (closed.refusals === REFUSALS) {
    const suspect: Suspect = { kind: 'suspect', incarnation, node, from: context.name, refused: true };
    handleSuspect(context, suspect, LOCAL_SOURCE, reasonOf(context, closed));
  }
  if (isGraceOver(context, closed.silentSince) && isSeconded(context, closed)) {
    const dead: Dead = { kind: 'dead', incarnation, node, from: context.name };
    const reason = reasonOf(context, closed);
    closedConnections.delete(closed);
    return handleDead(context, dead, LOCAL_SOURCE, reason);
  }
  const next = Math.max(closed.silentSince + config.closeGrace, context.now + config.probeTimeout / 10);
  closedConnections.schedule(closed, next);
}

/**
 * Nothing answered, or somebody accepted a connection and did not ack: that is left to the ordinary course. A suspect that
 * has refused already is asked again, since this agent, or the way, may only be slow.
 */
function onSilence(
  context: SwimContext,
  closed: ClosedConnection,
  outcome: StreamPingOutcome,
  probeNext: ProbeNext,
): void {
  if (
    outcome === 'timeout' &&
    closed.row.state === 'suspect' &&
    closed.refusals > 0 &&
    isOpen(context, closed)
  )
    return context.closedConnections.schedule(closed, context.now);
  if (outcome === 'closed' && closed.acceptances < MAX_ACCEPTANCES && isOpen(context, closed)) {
    const wait = FIRST_WAIT * 2 ** closed.acceptances;
    closed.acceptances += 1;
    return context.closedConnections.schedule(closed, context.now + wait);
  }
  context.closedConnections.delete(closed);
  const isListening = outcome === 'unanswered' || outcome === 'closed';
  if (isListening) clearRefusal(context, closed.row);
  if (isUp(closed.row.state)) probeNext(closed.row);
}

/** Whether what is found out may still matter. */
const isOpen = (context: SwimContext, { row, incarnation, refusals }: ClosedConnection): boolean =>
  context.members.get(row.identity.name) === row &&
  row.incarnation === incarnation &&
  row.absence === undefined &&
  (row.state === 'suspect' || (row.state === 'alive' && refusals < REFUSALS));

/** Another watcher was refused, too. */
const isSeconded = (context: SwimContext, { row }: ClosedConnection): boolean =>
  context.suspicions.get(row)?.refusedBy.some((by) => by !== context.name) === true;

function reasonOf(context: SwimContext, { row, closedAt, refusals }: ClosedConnection): ClosedReason {
  const refusedBy = context.suspicions.get(row)?.refusedBy ?? [];
  const others = refusedBy.filter((by) => by !== context.name);
  return {
    kind: 'closed',
    accusers: [context.name, ...others],
    refusals,
    durationMs: context.now - closedAt,
  };
}
