/**
 * What we do on hearing that a member is suspect or dead, from others or from our own probes and timers.
 *
 * Source: memberlist state.go, suspectNode, deadNode; protocol reference 3.5.
 */
import type { Millis } from '../../base/time.ts';
import { type Dead, encodeMessage, type Suspect } from '../../wire/memberlist.ts';
import { type Core, emit, note, pingFrom } from '../context.ts';
import type { Row } from '../members.ts';
import { isPlausible, weigh } from '../precedence.ts';
import { accusation } from '../state/notify-down.ts';
import type { Reason, SwimEffect } from '../types.ts';
import { refute, remind } from './refute.ts';
import { namedIn, OURSELVES, reasonFor, replyTo, type Source, sourceOf } from './source.ts';
import { doubt } from './verify.ts';

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
  const { node, from: by, incarnation } = message;
  if (weigh(message, row) === 'news') return suspect(core, row, message, reason, now, out);
  raise(row, incarnation, out);
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
  acquit(core, row);
  core.links.forget(row);
  core.queue.queue(encodeMessage(message), node);
  core.members.change(row, left ? 'left' : 'dead', now);
  if (!left) core.qualms.begin(row, now);
  note(out, { kind: 'memberDeclaredDead', node, by, incarnation, left, reason });
  emit(out, { kind: 'memberDown', member: row, left, by });
}

/**
 * The last call: suspects whose time runs out are asked once more, over a stream as well, before we call them dead.
 * Where packets get lost it is mostly the refutation that did not arrive.
 *
 * Differs: memberlist declares them dead by the clock alone. The verdict of one that is silent comes no later.
 */
export function callSuspects(core: Core, now: Millis, out: SwimEffect[]): void {
  for (;;) {
    const row = core.suspicions.due(now);
    if (row === undefined) return;
    if (!core.config.lastCall) {
      condemn(core, row, now, out);
      continue;
    }
    const { name: node, address: to, meta, vsn } = row.identity;
    const { ip: addr, port } = to;
    const claim = { kind: 'alive', incarnation: row.incarnation, node, addr, port, meta, vsn } as const;
    const open = core.questions.of(node);
    if (open === undefined && doubt(core, 'verdict', claim, to, now, out)) continue;
    if (open === undefined) condemn(core, row, now, out);
    else if (open.about !== 'verdict') core.suspicions.retry(row, now + core.config.probeTimeout);
  }
}

/** A suspicion whose time is over becomes a death, by our word. */
export function condemn(core: Core, row: Row, now: Millis, out: SwimEffect[]): void {
  const suspicion = core.suspicions.of(row);
  if (suspicion === undefined) return;
  const { incarnation, identity } = row;
  const { accusers, startedAt, reason: because } = suspicion;
  const reason: Reason = { kind: 'timeout', accusers, millis: now - startedAt, because };
  const dead: Dead = { kind: 'dead', incarnation, node: identity.name, from: core.name };
  heardDead(core, dead, OURSELVES, now, out, reason);
}

/** It answered, and so lives: it gets time again, and our whole table, in which it reads that it should refute. */
export function spare(core: Core, row: Row, now: Millis, out: SwimEffect[]): void {
  if (core.suspicions.of(row) === undefined) return;
  core.suspicions.extend(row, now);
  out.push({ kind: 'sync', peer: row });
}

/** Asks one of the dead whether it is so, and tells it what to refute. Its ack alone changes nothing. */
export function askTheDead(core: Core, now: Millis, out: SwimEffect[]): void {
  const isHeld = (row: Row): boolean =>
    row.state === 'dead' && core.self.state !== 'left' && core.members.get(row.identity.name) === row;
  const row = core.qualms.due(now, isHeld);
  if (row === undefined) return;
  const { name, address: to } = row.identity;
  const message = pingFrom(core, core.nextSeqNo(), name);
  out.push({ kind: 'send', to, peer: row, message, rider: accusation(row, core.name), fill: false });
}

/** The suspicion ends without a verdict of ours. */
export function acquit(core: Core, row: Row): void {
  core.suspicions.stop(row);
  const open = core.questions.of(row.identity.name);
  if (open?.about === 'verdict') core.questions.close(open);
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
  if (row === undefined) return undefined;
  if (incarnation < row.incarnation) {
    if (row === core.self && source.kind === 'packet') remind(core, source.from, now, out);
    return undefined;
  }
  const matters = row === core.self ? row.state !== 'left' : weigh(message, row) === 'news';
  if (row !== core.self && !isPlausible(incarnation, row.incarnation)) {
    note(out, { kind: 'rumorRefused', node, why: `incarnation ${incarnation}`, ...namedIn(source) });
    return undefined;
  }
  if (matters && source.kind === 'packet' && !core.budget.spend(source.from, now)) {
    note(out, { kind: 'accusationRefused', node, by, source: source.from.key });
    return undefined;
  }
  if (row !== core.self) return row;
  if (matters) refute(core, incarnation, by, replyTo(source), out, sourceOf(core, source));
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
  if (row.state === 'suspect') {
    acquit(core, row);
    note(out, {
      kind: 'suspicionLifted',
      node,
      incarnation,
      source: 'source' in reason ? reason.source : '',
    });
  }
  core.queue.queue(encodeMessage(message), node);
  row.incarnation = incarnation;
  core.members.change(row, 'suspect', now);
  const { deadline } = core.suspicions.start(row, by, core.members.size, now, reason);
  note(out, { kind: 'memberSuspected', node, by, incarnation, deadline, reason });
}
