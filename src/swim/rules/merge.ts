/**
 * Full state: ours as rows, and what another's rows tell us.
 *
 * Source: memberlist state.go (mergeState), net.go (mergeRemoteState); P19, P26, P27 (docs/protocol.md).
 */
import type { Millis } from '../../base/time.ts';
import type { PushNodeState } from '../../wire/memberlist.ts';
import { recordFact, type SwimContext } from '../context.ts';
import type { MemberState, SwimEffect } from '../types.ts';
import { checkVersions, isValidVsn } from '../versions.ts';
import { handleAlive } from './alive.ts';
import { canOutbid } from './refute.ts';
import { accusationReason, type MessageSource, sourceField } from './source.ts';
import { handleDead, handleSuspect } from './suspect-dead.ts';

/** States as rows number them. */
const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];

/** More strangers than this in one exchange are another part of a cluster, and not somebody new. */
const MAX_UNKNOWN_ROWS = 64;

/**
 * Every row, the dead and left ones and our own too: leaving them out would lose what they are proof of. In exile our
 * own stays out.
 */
export function localStates(core: SwimContext): PushNodeState[] {
  const rows: PushNodeState[] = [];
  for (const row of core.members.all()) {
    if (row === core.self && core.unrefutable.isActive) continue;
    const { identity, incarnation, state } = row;
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

/**
 * Takes each row as the rumor it stands for. Rows with insane versions are left out; throws
 * `WireError('versionMismatch')`, the table unchanged, if the others cannot live with ours.
 */
export function mergeStates(
  core: SwimContext,
  states: readonly PushNodeState[],
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
): void {
  const refused = states.filter((row) => !isValidVsn(row.vsn));
  const sane = refused.length === 0 ? states : states.filter((row) => isValidVsn(row.vsn));
  checkVersions(sane, core.members.all());
  for (const { name, vsn } of refused)
    recordFact(out, {
      kind: 'gossipMessageRefused',
      node: name,
      reason: `versions ${vsn.join('.')}`,
      ...sourceField(source),
    });
  const vouched = canIntroduceAll(core, sane, source);
  const believed = admitAccusations(core, sane, source, now, out);
  for (const row of sane) mergeRow(core, row, source, vouched, believed, now, out);
}

/** Whoever we asked has met those it tells of. One that dials us tells of itself; one with a crowd has met that. */
function canIntroduceAll(
  core: SwimContext,
  states: readonly PushNodeState[],
  source: MessageSource,
): boolean {
  if (source.kind !== 'inbound' || !core.config.dialBack) return true;
  let strangers = 0;
  for (const { name, state } of states)
    if (STATES[state] === 'alive' && core.members.get(name) === undefined) strangers += 1;
  return strangers > MAX_UNKNOWN_ROWS;
}

/** All accusations of one exchange that would change something count as one (S7). */
function admitAccusations(
  core: SwimContext,
  states: readonly PushNodeState[],
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
): boolean {
  if (source.kind === 'local') return true;
  const first = states.find((row) => {
    const held = core.members.get(row.name);
    if (held === undefined || row.state === 0 || row.incarnation < held.incarnation) return false;
    return held.state === 'alive' || (held.state === 'suspect' && STATES[row.state] === 'left');
  });
  if (first === undefined || core.accusationLimiter.tryAcquire(source.from, now)) return true;
  const from = source.from.key;
  recordFact(out, { kind: 'accusationRateLimited', node: first.name, by: from, source: from });
  return false;
}

/**
 * A row is weaker than a rumor: that another holds someone dead is for us only a suspicion, and of our own, so
 * that the accused gets its time to refute. Only a leave counts as it stands.
 */
function mergeRow(
  core: SwimContext,
  row: PushNodeState,
  source: MessageSource,
  vouched: boolean,
  believed: boolean,
  now: Millis,
  out: SwimEffect[],
): void {
  const { name: node, incarnation, addr, port, meta, vsn } = row;
  const state = STATES[row.state];
  if (state === undefined) return; // one of the future
  if (state === 'alive') {
    const alive = { kind: 'alive', incarnation, node, addr, port, meta, vsn } as const;
    return handleAlive(core, alive, source, now, out, vouched);
  }
  if (!believed) return;
  if (node === core.name && !canOutbid(core, incarnation))
    return onUnrefutableAccusation(core, incarnation, source, now, out);
  if (state === 'left') {
    const dead = { kind: 'dead', incarnation, node, from: node } as const;
    return handleDead(core, dead, source, now, out, accusationReason(core, node, source, state));
  }
  const suspect = { kind: 'suspect', incarnation, node, from: core.name } as const;
  handleSuspect(core, suspect, source, now, out, accusationReason(core, core.name, source, state));
}

/** Its own table has us down for good: it took what we would have refused. */
function onUnrefutableAccusation(
  core: SwimContext,
  incarnation: number,
  source: MessageSource,
  now: Millis,
  out: SwimEffect[],
): void {
  if (source.kind === 'local' || core.self.state === 'left') return;
  const until = core.unrefutable.start(core.members.size, core.config, now);
  if (until !== undefined)
    recordFact(out, { kind: 'unrefutableAccusation', incarnation, source: source.from.key, until });
}
