/**
 * I4: one meta, address and versions for each incarnation of a member, wherever it is held. Nobody on this wire can
 * tell two lives apart that both began at the same incarnation, so any life of a name may have said it.
 */
import type { MemberView } from '../../../agent/contract/view.ts';
import { sameBytes } from '../../../base/bytes.ts';
import type { Identity } from '../../../swim/types.ts';
import type { Host } from '../../world/host.ts';
import type { Ground, Law } from '../law.ts';

/** From this incarnation on a life was that. */
interface Chapter {
  readonly incarnation: number;
  readonly identity: Identity;
}

interface Held {
  incarnation: number;
  identity: Identity;
}

export class Identities implements Law {
  readonly #ground: Ground;
  /** By name, then by life (`label#number`): what it said of itself, in order. */
  readonly #lives = new Map<string, Map<string, Chapter[]>>();
  /** What was last looked at, by observer and member: most rows stay as they are. */
  readonly #held = new Map<string, Map<string, Held>>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  started(host: Host): void {
    this.#held.delete(host.label);
    this.looked(host);
  }

  /** What a host is in its own eyes. */
  looked(host: Host): void {
    if (host.agent === undefined) return;
    const self = host.agent.view.self();
    const { incarnation } = self;
    const { identity } = self.serf.member;
    const chapters = this.#chapters(host);
    const last = chapters[chapters.length - 1];
    if (last === undefined || (incarnation > last.incarnation && !same(last.identity, identity)))
      chapters.push({ incarnation, identity });
    else if (incarnation <= last.incarnation && !same(last.identity, identity))
      this.#ground.broken(
        `I4 ${host.label}@${incarnation} is now somebody else: ${difference(last, identity)}`,
      );
  }

  row(host: Host, member: MemberView): void {
    const { name, incarnation, state } = member;
    // Incarnation 0 is a memory of the last life, and nobody's word. An accusation raises the incarnation of a row and
    // says nothing of who that is: until the answer, the row shows who it was before.
    if (name === host.name || incarnation === 0 || state !== 'alive') return;
    if (this.#ground.isSlandered(name)) return;
    const { identity } = member.serf.member;
    let held = this.#held.get(host.label);
    if (held === undefined) {
      held = new Map();
      this.#held.set(host.label, held);
    }
    const last = held.get(name);
    if (last !== undefined && last.identity === identity && last.incarnation === incarnation) return;
    held.set(name, { incarnation, identity });
    if (this.#wasEver(name, incarnation, identity)) return;
    for (const other of this.#ground.world.hosts) if (other.name === name) this.looked(other);
    if (!this.#wasEver(name, incarnation, identity))
      this.#ground.broken(
        `I4 ${host.label} holds ${name}@${incarnation} at ${identity.address.key} with ${identity.meta.length} octets of meta, which it never was`,
      );
  }

  #wasEver(name: string, incarnation: number, identity: Identity): boolean {
    const lives = this.#lives.get(name);
    // Whom nobody ever was is I3's matter.
    if (lives === undefined) return true;
    for (const chapters of lives.values())
      for (let i = chapters.length - 1; i >= 0; i--) {
        const chapter = chapters[i] as Chapter;
        if (chapter.incarnation > incarnation) continue;
        if (same(chapter.identity, identity)) return true;
        break;
      }
    return false;
  }

  #chapters(host: Host): Chapter[] {
    let lives = this.#lives.get(host.name);
    if (lives === undefined) {
      lives = new Map();
      this.#lives.set(host.name, lives);
    }
    const life = `${host.label}#${host.lives}`;
    let chapters = lives.get(life);
    if (chapters === undefined) {
      chapters = [];
      lives.set(life, chapters);
    }
    return chapters;
  }
}

const same = (a: Identity, b: Identity): boolean =>
  a === b || (a.address.key === b.address.key && sameBytes(a.meta, b.meta) && sameBytes(a.vsn, b.vsn));

function difference({ identity }: Chapter, now: Identity): string {
  if (identity.address.key !== now.address.key) return `${identity.address.key}, then ${now.address.key}`;
  return sameBytes(identity.meta, now.meta) ? 'other versions' : 'another meta';
}
