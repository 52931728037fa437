/** A member as readers see it: SWIM's row and Serf's status joined. */
import type { SerfMember } from '../../serf/types.ts';
import type { Member, MembersView } from '../../swim/types.ts';
import type { MemberView } from '../contract/view.ts';

export function memberView(serf: SerfMember, members: MembersView): MemberView {
  const row = members.get(serf.name) ?? serf.member;
  return {
    name: serf.name,
    address: row.identity.address,
    tags: serf.tags,
    status: serf.status === 'alive' ? statusOfRow(row) : serf.status,
    serf,
    state: row.state,
    incarnation: row.incarnation,
    refused: row.refused,
    since: row.since,
    vsn: row.identity.vsn,
  };
}

function statusOfRow({ state, absence }: Member): MemberView['status'] {
  if (absence !== undefined) return 'away';
  return state === 'suspect' ? 'suspect' : 'alive';
}
