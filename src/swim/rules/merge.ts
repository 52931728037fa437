/**
 * Full state: ours as rows, and what another's rows tell us.
 *
 * Source: memberlist state.go (mergeState), net.go (mergeRemoteState); protocol reference 3.3, 3.4.
 */
import type { Millis } from '../../base/time.ts';
import type { NodeState } from '../../wire/memberlist.ts';
import { type Core, note } from '../context.ts';
import type { MemberState, SwimEffect } from '../types.ts';
import { checkVersions, isSane } from '../versions.ts';
import { heardAlive } from './alive.ts';
import { canOutbid } from './refute.ts';
import { namedIn, reasonFor, type Source } from './source.ts';
import { heardDead, heardSuspect } from './suspect-dead.ts';

/** States as rows number them. */
const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];

/** More strangers than this in one exchange are another part of a cluster, and not somebody new. */
const CROWD = 64;

/**
 * Every row, the dead and left ones and our own too: leaving them out would lose what they are proof of. In exile our
 * own stays out.
 */
export function localStates(core: Core): NodeState[] {
  const rows: NodeState[] = [];
  for (const row of core.members.all()) {
    if (row === core.self && core.exile.isOn) continue;
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
  core: Core,
  states: readonly NodeState[],
  source: Source,
  now: Millis,
  out: SwimEffect[],
): void {
  const refused = states.filter((row) => !isSane(row.vsn));
  const sane = refused.length === 0 ? states : states.filter((row) => isSane(row.vsn));
  checkVersions(sane, core.members.all());
  for (const { name, vsn } of refused)
    note(out, { kind: 'rumorRefused', node: name, why: `versions ${vsn.join('.')}`, ...namedIn(source) });
  const vouched = areVouched(core, sane, source);
  const believed = mayAccuse(core, sane, source, now, out);
  for (const row of sane) mergeRow(core, row, source, vouched, believed, now, out);
}

/** Whoever we asked has met those it tells of. One that dials us tells of itself; one with a crowd has met that. */
function areVouched(core: Core, states: readonly NodeState[], source: Source): boolean {
  if (source.kind !== 'served' || !core.config.dialBack) return true;
  let strangers = 0;
  for (const { name, state } of states)
    if (STATES[state] === 'alive' && core.members.get(name) === undefined) strangers += 1;
  return strangers > CROWD;
}

/** All accusations of one exchange that would change something count as one (S7). */
function mayAccuse(
  core: Core,
  states: readonly NodeState[],
  source: Source,
  now: Millis,
  out: SwimEffect[],
): boolean {
  if (source.kind === 'ourselves') return true;
  const first = states.find((row) => {
    const held = core.members.get(row.name);
    if (held === undefined || row.state === 0 || row.incarnation < held.incarnation) return false;
    return held.state === 'alive' || (held.state === 'suspect' && STATES[row.state] === 'left');
  });
  if (first === undefined || core.budget.spend(source.from, now)) return true;
  const from = source.from.key;
  note(out, { kind: 'accusationRefused', node: first.name, by: from, source: from });
  return false;
}

/**
 * A row is weaker than a rumor: that another holds someone dead is for us only a suspicion, and of our own, so
 * that the accused gets its time to refute. Only a leave counts as it stands.
 */
function mergeRow(
  core: Core,
  row: NodeState,
  source: Source,
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
    return heardAlive(core, alive, source, now, out, vouched);
  }
  if (!believed) return;
  if (node === core.name && !canOutbid(core, incarnation)) return banish(core, incarnation, source, now, out);
  if (state === 'left') {
    const dead = { kind: 'dead', incarnation, node, from: node } as const;
    return heardDead(core, dead, source, now, out, reasonFor(core, node, source, state));
  }
  const suspect = { kind: 'suspect', incarnation, node, from: core.name } as const;
  heardSuspect(core, suspect, source, now, out, reasonFor(core, core.name, source, state));
}

/** Its own table has us down for good: it took what we would have refused. */
function banish(core: Core, incarnation: number, source: Source, now: Millis, out: SwimEffect[]): void {
  if (source.kind === 'ourselves' || core.self.state === 'left') return;
  const until = core.exile.begin(core.members.size, core.config, now);
  if (until !== undefined) note(out, { kind: 'exiled', incarnation, source: source.from.key, until });
}
