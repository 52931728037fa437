/**
 * Full state: ours as rows, and what another's rows tell us.
 *
 * Source: memberlist state.go (mergeState), net.go (mergeRemoteState); protocol reference 3.3, 3.4.
 */
import type { Millis } from '../base/time.ts';
import type { NodeState } from '../wire/memberlist.ts';
import { heardDead, heardSuspect } from './accusation.ts';
import { heardAlive } from './alive.ts';
import { type Core, note } from './core.ts';
import type { MemberState, SwimEffect } from './types.ts';
import { checkVersions, isSane } from './versions.ts';

/** States as rows number them. */
const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];

/** Every row, the dead and left ones and our own too: leaving them out would lose what they are proof of. */
export function localStates(core: Core): NodeState[] {
  const rows: NodeState[] = [];
  for (const { identity, incarnation, state } of core.members.all())
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
  return rows;
}

/**
 * Takes each row as the rumor it stands for. Rows with insane versions are left out; throws
 * `WireError('versionMismatch')`, the table unchanged, if the others cannot live with ours.
 */
export function mergeStates(core: Core, states: readonly NodeState[], now: Millis, out: SwimEffect[]): void {
  const refused = states.filter((row) => !isSane(row.vsn));
  const sane = refused.length === 0 ? states : states.filter((row) => isSane(row.vsn));
  checkVersions(sane, core.members.all());
  for (const { name, vsn } of refused)
    note(out, { kind: 'rumorRefused', node: name, why: `versions ${vsn.join('.')}` });
  for (const row of sane) mergeRow(core, row, now, out);
}

/**
 * A row is weaker than a rumor: that another holds someone dead is for us only a suspicion, and of our own, so
 * that the accused gets its time to refute. Only a leave counts as it stands.
 */
function mergeRow(core: Core, row: NodeState, now: Millis, out: SwimEffect[]): void {
  const { name: node, incarnation, addr, port, meta, vsn } = row;
  switch (STATES[row.state]) {
    case 'alive':
      return heardAlive(
        core,
        { kind: 'alive', incarnation, node, addr, port, meta, vsn },
        undefined,
        now,
        out,
      );
    case 'left':
      return heardDead(core, { kind: 'dead', incarnation, node, from: node }, undefined, now, out);
    case 'dead':
    case 'suspect':
      return heardSuspect(core, { kind: 'suspect', incarnation, node, from: core.name }, undefined, now, out);
    case undefined:
      return; // a state of the future
  }
}
