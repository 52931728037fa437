/**
 * Commands about members: force-leave of another one, and the tags of this agent. Both throw `AgentError` with nothing
 * changed.
 */
import { AgentError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { CAPABILITY, CAPABILITY_TAG } from '../../model/capability.ts';
import type { Serf } from '../../serf/serf.ts';
import { encodedTagsFit, metaFromTags, updateTags } from '../../serf/tags.ts';
import type { SerfEffect } from '../../serf/types.ts';
import { isUp } from '../../swim/precedence.ts';
import type { Swim } from '../../swim/swim.ts';
import type { SwimEffect } from '../../swim/types.ts';
import type { Command, ReloadOutcome } from '../contract/commands.ts';
import type { SavedTags } from '../contract/machine.ts';
import type { AgentView } from '../readers/view.ts';

export interface MemberCommandContext {
  readonly swim: Swim;
  readonly serf: Serf;
  readonly view: AgentView;
  readonly swimOut: SwimEffect[];
  readonly serfOut: SerfEffect[];
}

export class MemberCommands {
  readonly #context: MemberCommandContext;
  #configured: ReadonlyMap<string, string>;
  #tags: ReadonlyMap<string, string>;
  #tagsRevision = 0;

  /** `tags` are those this agent starts with, `configured` those of its configuration. */
  constructor(
    context: MemberCommandContext,
    tags: ReadonlyMap<string, string>,
    configured: ReadonlyMap<string, string>,
  ) {
    this.#context = context;
    this.#tags = tags;
    this.#configured = configured;
  }

  /** Rises when `savedTags` has changed. */
  get tagsRevision(): number {
    return this.#tagsRevision;
  }

  /** For `restoreTags`. */
  get savedTags(): SavedTags {
    return { configured: [...this.#configured], current: [...this.#tags] };
  }

  /** Serf's force-leave: a failed member becomes left, and with `prune` it is dropped. */
  forget({ node, prune, refuseLive }: Extract<Command, { kind: 'forget' }>, now: Millis): void {
    const { swim, serf, view, swimOut, serfOut } = this.#context;
    const member = view.confirmedMember(node);
    if (member === undefined)
      throw new AgentError('notFound', `no member is called "${node}": \`hearsay members\` lists all names`);
    if (refuseLive && member.status !== 'failed' && isUp(member.state))
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
    if (swim.leaving)
      throw new AgentError(
        'conflict',
        'this agent is leaving, and tells no tags any more: set them when it runs again',
      );
    const tags = updateTags(this.#tags, set, remove);
    swim.setMeta(metaFromTags(tags), now, swimOut);
    this.#tags = tags;
    this.#tagsRevision += 1;
  }

  /** The tags that a changed configuration leads to: those that it has changed follow it, others stay as they were set. */
  planTags(configured: ReadonlyMap<string, string>): TagPlan {
    const tags = withCapability(mergeTags(configured, this.savedTags));
    if (!encodedTagsFit(tags))
      throw new AgentError(
        'badRequest',
        'The tags of the configuration and those of `hearsay tags set` are together too large: delete some with `hearsay tags delete`',
      );
    return { configured, tags };
  }

  applyTags({ configured, tags }: TagPlan, now: Millis): ReloadOutcome['tags'] {
    const { swim, swimOut } = this.#context;
    const before = this.#tags;
    const changes = [...new Set([...before.keys(), ...tags.keys()])].flatMap((key) => {
      const [from, to] = [before.get(key), tags.get(key)];
      if (from === to) return [];
      return [{ key, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }];
    });
    if (changes.length > 0) swim.setMeta(metaFromTags(tags), now, swimOut);
    if (changes.length > 0 || !isSameMap(configured, this.#configured)) this.#tagsRevision += 1;
    this.#tags = tags;
    this.#configured = configured;
    return changes;
  }
}

/** Tags that are valid, and what the configuration has of them. */
interface TagPlan {
  readonly configured: ReadonlyMap<string, string>;
  readonly tags: ReadonlyMap<string, string>;
}

const isSameMap = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);

/**
 * The tags that an agent starts with: those that were set or deleted while it ran last time go on, but for those that the
 * configuration has changed since.
 */
export function restoreTags(
  configured: ReadonlyMap<string, string>,
  saved: SavedTags | undefined,
): ReadonlyMap<string, string> {
  if (saved === undefined) return configured;
  const tags = mergeTags(configured, saved);
  // Together they may be too large, although neither was alone. The configuration was validated.
  return encodedTagsFit(withCapability(tags)) ? tags : configured;
}

function mergeTags(configured: ReadonlyMap<string, string>, saved: SavedTags): ReadonlyMap<string, string> {
  const before = new Map(saved.configured);
  const current = new Map(saved.current);
  const tags = new Map(configured);
  for (const key of new Set([...before.keys(), ...current.keys()])) {
    if (key === CAPABILITY_TAG || configured.get(key) !== before.get(key)) continue;
    const value = current.get(key);
    if (value === undefined) tags.delete(key);
    else tags.set(key, value);
  }
  return tags;
}

export const withCapability = (tags: ReadonlyMap<string, string>): ReadonlyMap<string, string> =>
  new Map([...tags, [CAPABILITY_TAG, CAPABILITY]]);
