/**
 * What we do on hearing that a member is suspect or dead, from others or from our own probes and timers.
 *
 * Source: memberlist state.go, suspectNode, deadNode; P24 (docs/protocol.md).
 */
import type { Millis } from '../../base/time.ts';
import { type Dead, encodeMessage, type Suspect } from '../../wire/memberlist.ts';
import { createPing, emit, recordFact, type SwimContext } from '../context.ts';
import type { MutableMember } from '../members.ts';
import { isPlausibleIncarnation, precedence } from '../precedence.ts';
import { toAccusation } from '../state/notify-down.ts';
import type { AccusationReason, SwimEffect } from '../types.ts';
import { refute, repeatRefutation } from './refute.ts';
import {
  accusationReason,
  formatSource,
  LOCAL_SOURCE,
  type MessageSource,
  replyAddress,
  sourceField,
} from './source.ts';
import { startVerification } from './verify.ts';

/** `reason` is written down if this changes anything; by default that somebody said so. */
export function handleSuspect(
  core: SwimContext,
  message: Suspect,
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
  reason: AccusationReason = accusationReason(core, message.from, source),
): void {
  const row = admitAccusation(core, message, source, now, out);
  if (row === undefined) return;
  const { node, from: by, incarnation } = message;
  if (precedence(message, row) === 'supersedes') return suspect(core, row, message, reason, now, out);
  raiseIncarnation(row, incarnation, out);
  const suspicion = core.suspicions.confirm(row, by, now);
  if (suspicion === undefined) return;
  core.broadcasts.enqueue(encodeMessage(message), node);
  const { accusers, deadline } = suspicion;
  const confirmations = accusers.length - 1;
  recordFact(out, { kind: 'suspicionConfirmed', node, by, confirmations, deadline, reason });
}

export function handleDead(
  core: SwimContext,
  message: Dead,
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
  reason: AccusationReason = accusationReason(core, message.from, source),
): void {
  const row = admitAccusation(core, message, source, now, out);
  if (row === undefined) return;
  if (precedence(message, row) !== 'supersedes') return raiseIncarnation(row, message.incarnation, out);
  const { node, from: by, incarnation } = message;
  row.incarnation = incarnation;
  const left = node === by;
  clearSuspicion(core, row);
  core.oneWayLinks.delete(row);
  core.broadcasts.enqueue(encodeMessage(message), node);
  core.members.setState(row, left ? 'left' : 'dead', now);
  if (!left) core.deadProbes.schedule(row, now);
  recordFact(out, { kind: 'memberDeclaredDead', node, by, incarnation, left, reason });
  emit(out, { kind: 'memberDown', member: row, left, by });
}

/**
 * The last call: suspects whose time runs out are asked once more, over a stream as well, before we call them dead.
 * Where packets get lost it is mostly the refutation that did not arrive.
 *
 * Differs: memberlist declares them dead by the clock alone. The verdict of one that is silent comes no later.
 */
export function verifySuspects(core: SwimContext, now: Millis, out: SwimEffect[]): void {
  for (;;) {
    const row = core.suspicions.nextDue(now);
    if (row === undefined) return;
    if (!core.config.lastCall) {
      declareDead(core, row, now, out);
      continue;
    }
    const { name: node, address: to, meta, vsn } = row.identity;
    const { ip: addr, port } = to;
    const claim = { kind: 'alive', incarnation: row.incarnation, node, addr, port, meta, vsn } as const;
    const open = core.verifications.get(node);
    if (open === undefined && startVerification(core, 'suspicion', claim, to, now, out)) continue;
    if (open === undefined) declareDead(core, row, now, out);
    else if (open.kind !== 'suspicion') core.suspicions.reschedule(row, now + core.config.probeTimeout);
  }
}

/** A suspicion whose time is over becomes a death, by our word. */
export function declareDead(core: SwimContext, row: MutableMember, now: Millis, out: SwimEffect[]): void {
  const suspicion = core.suspicions.get(row);
  if (suspicion === undefined) return;
  const { incarnation, identity } = row;
  const { accusers, startedAt, reason: cause } = suspicion;
  const reason: AccusationReason = { kind: 'timeout', accusers, durationMs: now - startedAt, cause };
  const dead: Dead = { kind: 'dead', incarnation, node: identity.name, from: core.name };
  handleDead(core, dead, LOCAL_SOURCE, now, out, reason);
}

/** It answered, and so lives: it gets time again, and our whole table, in which it reads that it should refute. */
export function extendSuspicion(core: SwimContext, row: MutableMember, now: Millis, out: SwimEffect[]): void {
  if (core.suspicions.get(row) === undefined) return;
  core.suspicions.extend(row, now);
  out.push({ kind: 'pushPull', peer: row });
}

/** Asks one of the dead whether it is so, and tells it what to refute. Its ack alone changes nothing. */
export function probeDeadMember(core: SwimContext, now: Millis, out: SwimEffect[]): void {
  const isHeld = (row: MutableMember): boolean =>
    row.state === 'dead' && core.self.state !== 'left' && core.members.get(row.identity.name) === row;
  const row = core.deadProbes.nextDue(now, isHeld);
  if (row === undefined) return;
  const { name, address: to } = row.identity;
  const message = createPing(core, core.nextSeqNo(), name);
  out.push({
    kind: 'send',
    to,
    peer: row,
    message,
    compoundWith: toAccusation(row, core.name),
    piggyback: false,
  });
}

/** The suspicion ends without a verdict of ours. */
export function clearSuspicion(core: SwimContext, row: MutableMember): void {
  core.suspicions.stop(row);
  const open = core.verifications.get(row.identity.name);
  if (open?.kind === 'suspicion') core.verifications.delete(open);
}

/** Evidence that changes nothing else still counts: the highest incarnation is kept. */
function raiseIncarnation(row: MutableMember, incarnation: number, out: SwimEffect[]): void {
  if (incarnation <= row.incarnation) return;
  row.incarnation = incarnation;
  recordFact(out, { kind: 'incarnationRaised', node: row.identity.name, incarnation });
}

/**
 * The row of the accused, if the accusation is admissible; one against ourselves is answered here. What would change
 * something must be within what its source may accuse; a full exchange pays for all its rows at once, in merge.ts.
 */
function admitAccusation(
  core: SwimContext,
  message: Suspect | Dead,
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
): MutableMember | undefined {
  const { node, incarnation, from: by } = message;
  const row = core.members.get(node);
  if (row === undefined) return undefined;
  if (incarnation < row.incarnation) {
    if (row === core.self && source.kind === 'packet') repeatRefutation(core, source.from, now, out);
    return undefined;
  }
  const matters = row === core.self ? row.state !== 'left' : precedence(message, row) === 'supersedes';
  if (row !== core.self && !isPlausibleIncarnation(incarnation, row.incarnation)) {
    recordFact(out, {
      kind: 'gossipMessageRefused',
      node,
      reason: `incarnation ${incarnation}`,
      ...sourceField(source),
    });
    return undefined;
  }
  if (matters && source.kind === 'packet' && !core.accusationLimiter.tryAcquire(source.from, now)) {
    recordFact(out, { kind: 'accusationRateLimited', node, by, source: source.from.key });
    return undefined;
  }
  if (row !== core.self) return row;
  if (matters) refute(core, incarnation, by, replyAddress(source), out, formatSource(core, source));
  return undefined;
}

function suspect(
  core: SwimContext,
  row: MutableMember,
  message: Suspect,
  reason: AccusationReason,
  now: Millis,
  out: SwimEffect[],
): void {
  const { node, from: by, incarnation } = message;
  if (row.state === 'suspect') {
    clearSuspicion(core, row);
    recordFact(out, {
      kind: 'suspicionCleared',
      node,
      incarnation,
      source: 'source' in reason ? reason.source : '',
    });
  }
  core.broadcasts.enqueue(encodeMessage(message), node);
  row.incarnation = incarnation;
  core.members.setState(row, 'suspect', now);
  const { deadline } = core.suspicions.start(row, by, core.members.size, now, reason);
  recordFact(out, { kind: 'memberSuspected', node, by, incarnation, deadline, reason });
}
