/**
 * What we do on hearing that a member is suspect or dead, from others or from our own probes and timers.
 *
 * Source: memberlist state.go, suspectNode, deadNode; protocol reference 3.5.
 */
import type { Millis } from '../base/time.ts';
import { type Dead, encodeMessage, type Suspect } from '../wire/memberlist.ts';
import { type Core, emit, note } from './core.ts';
import type { Row } from './members.ts';
import { refute } from './refute.ts';
import { isPlausible, weigh } from './rumor.ts';
import { OURSELVES, reasonFor, replyTo, type Source } from './source.ts';
import type { Reason, SwimEffect } from './types.ts';

/** `reason` is written down if this changes anything; by default that somebody said so. */
export function heardSuspect(
  core: Core,
  message: Suspect,
  source: Source,
  now: Millis,
  out: SwimEffect[],
  reason: Reason = reasonFor(core, message.from, source),
): void {
  const row = admitted(core, message, source, now, out);
  if (row === undefined) return;
  if (weigh(message, row) === 'news') return suspect(core, row, message, reason, now, out);
  raise(row, message.incarnation, out);
  const { node, from: by } = message;
  const suspicion = core.suspicions.confirm(row, by, now);
  if (suspicion === undefined) return;
  core.queue.queue(encodeMessage(message), node);
  const { accusers, deadline } = suspicion;
  const confirmations = accusers.length - 1;
  note(out, { kind: 'suspicionConfirmed', node, by, confirmations, deadline, reason });
}

export function heardDead(
  core: Core,
  message: Dead,
  source: Source,
  now: Millis,
  out: SwimEffect[],
  reason: Reason = reasonFor(core, message.from, source),
): void {
  const row = admitted(core, message, source, now, out);
  if (row === undefined) return;
  if (weigh(message, row) !== 'news') return raise(row, message.incarnation, out);
  const { node, from: by, incarnation } = message;
  row.incarnation = incarnation;
  const left = node === by;
  core.suspicions.stop(row);
  core.links.forget(row);
  core.queue.queue(encodeMessage(message), node);
  core.members.change(row, left ? 'left' : 'dead', now);
  note(out, { kind: 'memberDeclaredDead', node, by, incarnation, left, reason });
  emit(out, { kind: 'memberDown', member: row, left, by });
}

/** Suspicions whose time is over become deaths, by our word. */
export function declareExpired(core: Core, now: Millis, out: SwimEffect[]): void {
  for (;;) {
    const expired = core.suspicions.expired(now);
    if (expired === undefined) return;
    const { row, suspicion } = expired;
    const { incarnation, identity } = row;
    const { accusers, startedAt, reason: because } = suspicion;
    const reason: Reason = { kind: 'timeout', accusers, millis: now - startedAt, because };
    const dead: Dead = { kind: 'dead', incarnation, node: identity.name, from: core.name };
    heardDead(core, dead, OURSELVES, now, out, reason);
  }
}

/** Evidence that changes nothing else still counts: the highest incarnation is kept. */
function raise(row: Row, incarnation: number, out: SwimEffect[]): void {
  if (incarnation <= row.incarnation) return;
  row.incarnation = incarnation;
  note(out, { kind: 'incarnationRaised', node: row.identity.name, incarnation });
}

/**
 * The row of the accused, if the accusation is admissible; one against ourselves is answered here. What would change
 * something must be within what its source may accuse; a full exchange pays for all its rows at once, in merge.ts.
 */
function admitted(
  core: Core,
  message: Suspect | Dead,
  source: Source,
  now: Millis,
  out: SwimEffect[],
): Row | undefined {
  const { node, incarnation, from: by } = message;
  const row = core.members.get(node);
  if (row === undefined || incarnation < row.incarnation) return undefined;
  const matters = row === core.self ? row.state !== 'left' : weigh(message, row) === 'news';
  if (row !== core.self && !isPlausible(incarnation, row.incarnation)) {
    note(out, { kind: 'rumorRefused', node, why: `incarnation ${incarnation}` });
    return undefined;
  }
  if (matters && source.kind === 'packet' && !core.budget.spend(source.from, now)) {
    note(out, { kind: 'accusationRefused', node, by, source: source.from.key });
    return undefined;
  }
  if (row !== core.self) return row;
  if (matters) refute(core, incarnation, by, replyTo(source), out);
  return undefined;
}

function suspect(
  core: Core,
  row: Row,
  message: Suspect,
  reason: Reason,
  now: Millis,
  out: SwimEffect[],
): void {
  const { node, from: by, incarnation } = message;
  core.queue.queue(encodeMessage(message), node);
  row.incarnation = incarnation;
  core.members.change(row, 'suspect', now);
  const { deadline } = core.suspicions.start(row, by, core.members.size, now, reason);
  note(out, { kind: 'memberSuspected', node, by, incarnation, deadline, reason });
}
