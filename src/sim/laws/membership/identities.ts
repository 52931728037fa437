/**
 * I4: a member has one meta, address and set of versions at each incarnation, wherever it is shown. Two boots that
 * began at the same incarnation cannot be told apart on the wire, so the identity may be that of any boot of the name.
 */
import type { MemberView } from '../../../agent/contract/view.ts';
import { sameBytes } from '../../../base/bytes.ts';
import type { Identity } from '../../../swim/types.ts';
import type { SimHost } from '../../world/host.ts';
import type { Law, LawContext } from '../law.ts';

/** A boot has had this identity from this incarnation on. */
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
  /** By name, then by boot (`label#number`): the identities it announced, in order. */
  readonly #boots = new Map<string, Map<string, IdentityRecord[]>>();
  /** What was checked last, by observer and member: most rows do not change. */
  readonly #seen = new Map<string, Map<string, SeenIdentity>>();

  constructor(context: LawContext) {
    this.#context = context;
  }

  onStart(host: SimHost): void {
    this.#seen.delete(host.label);
    this.checkHost(host);
  }

  /** Records a host's own identity. */
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
    // A row at incarnation 0 was restored and is nobody's word. An accusation raises the incarnation of a row without
    // a new identity: until the refutation, the row shows the one before.
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
    this.#context.judged('I4');
    if (this.#everHad(name, incarnation, identity)) return;
    for (const other of this.#context.world.hosts) if (other.name === name) this.checkHost(other);
    if (!this.#everHad(name, incarnation, identity))
      this.#context.reportViolation(
        `I4 ${host.label} holds ${name}@${incarnation} at ${identity.address.key} with ${identity.meta.length} octets of meta, which it never had`,
      );
  }

  #everHad(name: string, incarnation: number, identity: Identity): boolean {
    const boots = this.#boots.get(name);
    // A name that never ran is the concern of I3.
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
