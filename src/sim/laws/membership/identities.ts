/**
 * I4: one meta, address and versions for each incarnation of a member, wherever it is held. Nobody on this wire can
 * tell two lives apart that both began at the same incarnation, so any life of a name may have said it.
 */
import type { MemberView } from '../../../agent/contract/view.ts';
import { sameBytes } from '../../../base/bytes.ts';
import type { Identity } from '../../../swim/types.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** From this incarnation on a life was that. */
interface IdentityRecord {
  readonly incarnation: number;
  readonly identity: Identity;
}

interface SeenIdentity {
  incarnation: number;
  identity: Identity;
}

export class IdentityLaw implements Law {
  readonly #context: LawContext;
  /** By name, then by life (`label#number`): what it said of itself, in order. */
  readonly #boots = new Map<string, Map<string, IdentityRecord[]>>();
  /** What was last looked at, by observer and member: most rows stay as they are. */
  readonly #seen = new Map<string, Map<string, SeenIdentity>>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    this.#seen.delete(host.label);
    this.checkHost(host);
  }

  /** What a host is in its own eyes. */
  checkHost(host: SimHost): void {
    if (host.agent === undefined) return;
    const self = host.agent.view.self();
    const { incarnation } = self;
    const { identity } = self.serf.member;
    const records = this.#records(host);
    const last = records[records.length - 1];
    if (last === undefined || (incarnation > last.incarnation && !sameIdentity(last.identity, identity)))
      records.push({ incarnation, identity });
    else if (incarnation <= last.incarnation && !sameIdentity(last.identity, identity))
      this.#context.reportViolation(
        `I4 ${host.label}@${incarnation} has another identity now: ${difference(last, identity)}`,
      );
  }

  checkRow(host: SimHost, member: MemberView): void {
    const { name, incarnation, state } = member;
    // Incarnation 0 is a memory of the last life, and nobody's word. An accusation raises the incarnation of a row and
    // says nothing of who that is: until the answer, the row shows who it was before.
    if (name === host.name || incarnation === 0 || state !== 'alive') return;
    if (this.#context.isForged(name)) return;
    const { identity } = member.serf.member;
    let seen = this.#seen.get(host.label);
    if (seen === undefined) {
      seen = new Map();
      this.#seen.set(host.label, seen);
    }
    const last = seen.get(name);
    if (last !== undefined && last.identity === identity && last.incarnation === incarnation) return;
    seen.set(name, { incarnation, identity });
    if (this.#everHad(name, incarnation, identity)) return;
    for (const other of this.#context.world.hosts) if (other.name === name) this.checkHost(other);
    if (!this.#everHad(name, incarnation, identity))
      this.#context.reportViolation(
        `I4 ${host.label} holds ${name}@${incarnation} at ${identity.address.key} with ${identity.meta.length} octets of meta, which it never had`,
      );
  }

  #everHad(name: string, incarnation: number, identity: Identity): boolean {
    const boots = this.#boots.get(name);
    // Whom nobody ever was is I3's matter.
    if (boots === undefined) return true;
    for (const records of boots.values())
      for (let i = records.length - 1; i >= 0; i--) {
        const record = records[i] as IdentityRecord;
        if (record.incarnation > incarnation) continue;
        if (sameIdentity(record.identity, identity)) return true;
        break;
      }
    return false;
  }

  #records(host: SimHost): IdentityRecord[] {
    let boots = this.#boots.get(host.name);
    if (boots === undefined) {
      boots = new Map();
      this.#boots.set(host.name, boots);
    }
    const boot = `${host.label}#${host.bootCount}`;
    let records = boots.get(boot);
    if (records === undefined) {
      records = [];
      boots.set(boot, records);
    }
    return records;
  }
}

const sameIdentity = (a: Identity, b: Identity): boolean =>
  a === b || (a.address.key === b.address.key && sameBytes(a.meta, b.meta) && sameBytes(a.vsn, b.vsn));

function difference({ identity }: IdentityRecord, now: Identity): string {
  if (identity.address.key !== now.address.key) return `${identity.address.key}, then ${now.address.key}`;
  return sameBytes(identity.meta, now.meta) ? 'other versions' : 'another meta';
}
