/** What an operator does to members: force-leave of another, tags of our own. Throws `AgentError`; then nothing changed. */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import type { Serf } from '../../serf/serf.ts';
import { metaFromTags, updateTags } from '../../serf/tags.ts';
import type { SerfEffect } from '../../serf/types.ts';
import type { Swim } from '../../swim/swim.ts';
import type { SwimEffect } from '../../swim/types.ts';
import type { Command } from '../contract/commands.ts';
import type { AgentView } from '../readers/view.ts';
import { CAPABILITY_TAG } from '../replication/catalog-peers.ts';

export interface MemberCommandContext {
  readonly swim: Swim;
  readonly serf: Serf;
  readonly view: AgentView;
  readonly swimOut: SwimEffect[];
  readonly serfOut: SerfEffect[];
}

export function forgetMember(
  { swim, serf, view, swimOut, serfOut }: MemberCommandContext,
  { node, prune, refuseLive }: Extract<Command, { kind: 'forget' }>,
  now: Millis,
): void {
  const member = view.confirmedMember(node);
  if (member === undefined)
    throw new AgentError('notFound', `no member is called "${node}": see the names with \`hearsay members\``);
  if (refuseLive && (member.status === 'alive' || member.status === 'suspect'))
    throw new AgentError(
      'conflict',
      `"${member.name}" is ${member.status}, and only a failed member can be forgotten: stop it, or let it leave`,
    );
  serf.forceLeave(member.name, prune, now, serfOut);
  view.markMemberChanged(member.name, true);
  if (prune) swim.dropMember(member.name, now, swimOut);
}

/** The tags as they then are. */
export function setTags(
  { swim, swimOut }: MemberCommandContext,
  tags: ReadonlyMap<string, string>,
  { set, remove }: Extract<Command, { kind: 'setTags' }>,
  now: Millis,
): ReadonlyMap<string, string> {
  if (set.has(CAPABILITY_TAG) || remove.includes(CAPABILITY_TAG))
    throw new AgentError(
      'badRequest',
      `the tag "${CAPABILITY_TAG}" is this program's own: choose another name`,
    );
  const changed = updateTags(tags, set, remove);
  swim.setMeta(metaFromTags(changed), now, swimOut);
  return changed;
}
