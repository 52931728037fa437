/**
 * Commands about members: force-leave of another one, and the tags of this agent. Both throw `AgentError` with nothing
 * changed.
 */
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

export class MemberCommands {
  readonly #context: MemberCommandContext;
  #tags: ReadonlyMap<string, string>;

  /** `tags` are those this agent starts with. */
  constructor(context: MemberCommandContext, tags: ReadonlyMap<string, string>) {
    this.#context = context;
    this.#tags = tags;
  }

  /** Serf's force-leave: a failed member becomes left, and with `prune` it is dropped. */
  forget({ node, prune, refuseLive }: Extract<Command, { kind: 'forget' }>, now: Millis): void {
    const { swim, serf, view, swimOut, serfOut } = this.#context;
    const member = view.confirmedMember(node);
    if (member === undefined)
      throw new AgentError('notFound', `no member is called "${node}": \`hearsay members\` lists all names`);
    if (refuseLive && (member.status === 'alive' || member.status === 'suspect'))
      throw new AgentError(
        'conflict',
        `"${member.name}" is ${member.status}, and only a failed member can be forgotten: stop it, or let it leave`,
      );
    serf.forceLeave(member.name, prune, now, serfOut);
    view.markMemberChanged(member.name, true);
    if (prune) swim.dropMember(member.name, now, swimOut);
  }

  setTags({ set, remove }: Extract<Command, { kind: 'setTags' }>, now: Millis): void {
    const { swim, swimOut } = this.#context;
    if (set.has(CAPABILITY_TAG) || remove.includes(CAPABILITY_TAG))
      throw new AgentError('badRequest', `the tag "${CAPABILITY_TAG}" is reserved: choose another name`);
    const tags = updateTags(this.#tags, set, remove);
    swim.setMeta(metaFromTags(tags), now, swimOut);
    this.#tags = tags;
  }
}
