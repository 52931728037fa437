/**
 * What we do on hearing that a member is suspect or dead, from others or from our own probes and timers.
 *
 * Source: memberlist state.go, suspectNode, deadNode; protocol reference 3.5.
 */
import type { Address } from '../base/address.ts';
import type { Millis } from '../base/time.ts';
import { type Dead, encodeMessage, type Suspect } from '../wire/memberlist.ts';
import { type Core, emit, note } from './core.ts';
import type { Row } from './members.ts';
import { refute } from './refute.ts';
import { isPlausible, weigh } from './rumor.ts';
import type { SwimEffect } from './types.ts';

/** `source` is the datagram's; `undefined` for what we conclude ourselves and for rows of a push/pull. */
export function heardSuspect(
  core: Core,
  message: Suspect,
  source: Address | undefined,
  now: Millis,
  out: SwimEffect[],
): void {
  const row = admitted(core, message, source, out);
  if (row === undefined) return;
  if (weigh(message, row) === 'news') return suspect(core, row, message, now, out);
  row.incarnation = message.incarnation;
  const { node, from: by } = message;
  const suspicion = core.suspicions.confirm(row, by, now);
  if (suspicion === undefined) return;
  core.queue.queue(encodeMessage(message), node);
  const { accusers, deadline } = suspicion;
  note(out, { kind: 'suspicionConfirmed', node, by, confirmations: accusers.length - 1, deadline });
}

export function heardDead(
  core: Core,
  message: Dead,
  source: Address | undefined,
  now: Millis,
  out: SwimEffect[],
): void {
  const row = admitted(core, message, source, out);
  if (row === undefined) return;
  const weight = weigh(message, row);
  row.incarnation = message.incarnation;
  if (weight !== 'news') return;
  const { node, from: by, incarnation } = message;
  const left = node === by;
  core.suspicions.stop(row);
  core.queue.queue(encodeMessage(message), node);
  core.members.change(row, left ? 'left' : 'dead', now);
  note(out, { kind: 'memberDeclaredDead', node, by, incarnation, left });
  emit(out, { kind: 'memberDown', member: row, left, by });
}

/** Suspicions whose time is over become deaths, by our word. */
export function declareExpired(core: Core, now: Millis, out: SwimEffect[]): void {
  for (;;) {
    const row = core.suspicions.expired(now);
    if (row === undefined) return;
    const { incarnation, identity } = row;
    heardDead(core, { kind: 'dead', incarnation, node: identity.name, from: core.name }, undefined, now, out);
  }
}

/** The row of the accused, if the accusation is admissible; one against ourselves is answered here. */
function admitted(
  core: Core,
  message: Suspect | Dead,
  source: Address | undefined,
  out: SwimEffect[],
): Row | undefined {
  const { node, incarnation, from } = message;
  const row = core.members.get(node);
  if (row === undefined || incarnation < row.incarnation) return undefined;
  if (row === core.self) {
    if (row.state !== 'left') refute(core, incarnation, from, source, out);
    return undefined;
  }
  if (isPlausible(incarnation, row.incarnation)) return row;
  note(out, { kind: 'rumorRefused', node, why: `incarnation ${incarnation}` });
  return undefined;
}

function suspect(core: Core, row: Row, message: Suspect, now: Millis, out: SwimEffect[]): void {
  const { node, from: by, incarnation } = message;
  core.queue.queue(encodeMessage(message), node);
  row.incarnation = incarnation;
  core.members.change(row, 'suspect', now);
  const { deadline } = core.suspicions.start(row, by, core.members.size, now);
  note(out, { kind: 'memberSuspected', node, by, incarnation, deadline });
}
