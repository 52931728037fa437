/**
 * Push/pull: this agent's table as rows, and the merge of a peer's rows.
 *
 * Source: memberlist state.go (mergeState), net.go (mergeRemoteState); P19, P26, P27 (docs/protocol.md).
 */
import type { InTurns, Turn } from '../../base/time.ts';
import type { PushNodeState } from '../../wire/memberlist.ts';
import type { SwimContext } from '../context.ts';
import type { MemberState } from '../types.ts';
import { checkVersions, isValidVsn } from '../versions.ts';
import { handleAlive } from './alive.ts';
import { canOutbid, repeatRefutation } from './refute.ts';
import { accusationReason, type MessageSource, sourceField } from './source.ts';
import { handleDead, handleSuspect } from './suspect-dead.ts';

/** States by their number in a row. */
const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];

/** A dialer with more unknown rows than this comes from another part of the cluster: it is no new member. */
const MAX_UNKNOWN_ROWS = 64;

/** Source and permissions of one push/pull: the same for all its rows. */
interface MergeSource {
  readonly source: MessageSource;
  /** The peer may introduce members unknown to us. */
  readonly introduces: boolean;
  /** Its accusations are within its rate limit. */
  readonly mayAccuse: boolean;
}

export interface RowOptions {
  /** The peer believes a member's own word on its incarnation (own-word.ts). */
  readonly believe?: boolean;
  /** Whether the peer is told of this other member; absent: of all. */
  readonly isTold?: (node: string) => boolean;
}

/**
 * Every row, also those of dead and left members, whose incarnations are needed to refute old messages. While there is an
 * unrefutable accusation of this agent, its own row is left out, but for peers that believe its own word.
 */
export function localStates(
  context: SwimContext,
  { believe = false, isTold = () => true }: RowOptions,
): PushNodeState[] {
  const rows: PushNodeState[] = [];
  for (const row of context.members.all()) {
    if (row === context.self && context.unrefutable.isActive && !believe) continue;
    const { identity, incarnation, state } = row;
    if (row !== context.self && !isTold(identity.name)) continue;
    rows.push({
      kind: 'nodeState',
      name: identity.name,
      addr: identity.address.ip,
      port: identity.address.port,
      meta: identity.meta,
      incarnation,
      state: STATES.indexOf(state),
      vsn: identity.vsn,
    });
  }
  return rows;
}

/** Refused rows of one push/pull that are told one by one. */
const MAX_REFUSED_TOLD = 8;
/** Work of a row, in units of a `Turn`: of one that says nothing new, and of one that has consequences. */
const UNITS_PER_ROW = 1;
const UNITS_PER_CHANGE = 60;

/**
 * Merges each row as the message it stands for, in turns; `beginTurn` precedes each. Rows with invalid versions are left out. Throws
 * `WireError('versionMismatch')`, with the table unchanged, if the others are not compatible with ours.
 */
export function* mergeStates(
  context: SwimContext,
  states: readonly PushNodeState[],
  source: MessageSource,
  turn: Turn,
  beginTurn: () => void,
): InTurns<void> {
  beginTurn();
  const refused = states.filter((row) => !isValidVsn(row.vsn));
  const rows = refused.length === 0 ? states : states.filter((row) => isValidVsn(row.vsn));
  checkVersions(rows, context.members.all());
  recordRefused(context, refused, source);
  const merge: MergeSource = {
    source,
    introduces: canIntroduceAll(context, rows, source),
    mayAccuse: admitAccusations(context, rows, source),
  };
  for (const row of rows) {
    const before = context.out.length;
    mergeRow(context, row, merge);
    if (!turn.spend(context.out.length > before ? UNITS_PER_CHANGE : UNITS_PER_ROW)) continue;
    yield;
    beginTurn();
  }
}

function recordRefused(context: SwimContext, refused: readonly PushNodeState[], source: MessageSource): void {
  const untold = refused.length - MAX_REFUSED_TOLD;
  refused.slice(0, MAX_REFUSED_TOLD).forEach(({ name: node, vsn }, i) => {
    const others = untold > 0 && i === MAX_REFUSED_TOLD - 1 ? `, as ${untold} more of this push/pull` : '';
    const reason = `versions ${vsn.join('.')}${others}`;
    context.recordFact({ kind: 'gossipMessageRefused', node, reason, ...sourceField(source) });
  });
}

/** A peer that we dialed introduces its members. One that dials us may be new itself, unless it brings many. */
function canIntroduceAll(
  context: SwimContext,
  states: readonly PushNodeState[],
  source: MessageSource,
): boolean {
  if (source.kind !== 'inbound' || !context.config.dialBack) return true;
  let unknown = 0;
  for (const { name, state } of states)
    if (STATES[state] === 'alive' && context.members.get(name) === undefined) unknown += 1;
  return unknown > MAX_UNKNOWN_ROWS;
}

/** All accusations of one push/pull that would change something take one token together (S7). */
function admitAccusations(
  context: SwimContext,
  states: readonly PushNodeState[],
  source: MessageSource,
): boolean {
  if (source.kind === 'local') return true;
  const first = states.find((row) => {
    const held = context.members.get(row.name);
    if (held === undefined || row.state === 0 || row.incarnation < held.incarnation) return false;
    return held.state === 'alive' || (held.state === 'suspect' && STATES[row.state] === 'left');
  });
  if (first === undefined || context.accusationLimiter.tryAcquire(source.from, context.now)) return true;
  const from = source.from.key;
  context.recordFact({ kind: 'accusationRateLimited', node: first.name, by: from, source: from });
  return false;
}

/**
 * A row counts for less than a message: when a peer holds a member as dead, we only suspect it ourselves, so that it has
 * time to refute. A row of a member that left counts as its leave message.
 *
 * Differs: memberlist ignores a suspect that it does not know. Peers go on showing a suspect and its services, so it is
 * introduced here as any other member, and suspected as there.
 */
function mergeRow(context: SwimContext, row: PushNodeState, merge: MergeSource): void {
  const { source } = merge;
  const { name: node, incarnation, addr, port, meta, vsn } = row;
  const state = STATES[row.state];
  if (state === undefined) return; // a state of a later version
  if (state !== 'alive' && !merge.mayAccuse) return;
  if (state === 'alive' || (state === 'suspect' && context.members.get(node) === undefined)) {
    const alive = { kind: 'alive', incarnation, node, addr, port, meta, vsn } as const;
    handleAlive(context, alive, source, merge.introduces);
    if (state === 'alive') return;
  }
  if (node === context.name && !canOutbid(context, incarnation))
    return onUnrefutableAccusation(context, incarnation, source);
  if (state === 'left') {
    const dead = { kind: 'dead', incarnation, node, from: node } as const;
    return handleDead(context, dead, source, accusationReason(context, node, source, state));
  }
  const suspect = { kind: 'suspect', incarnation, node, from: context.name } as const;
  handleSuspect(context, suspect, source, accusationReason(context, context.name, source, state));
}

/** The peer's table holds an accusation of this agent at an incarnation that nothing can exceed. */
function onUnrefutableAccusation(context: SwimContext, incarnation: number, source: MessageSource): void {
  if (source.kind === 'local' || context.self.state === 'left') return;
  if (source.kind === 'outbound') repeatRefutation(context, source.from);
  const until = context.unrefutable.start(context.members.size, context.config, context.now);
  if (until !== undefined)
    context.recordFact({ kind: 'unrefutableAccusation', incarnation, source: source.from.key, until });
}
