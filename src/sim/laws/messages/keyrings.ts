/**
 * Gossip keys while they are changed (G16): no ring is ever empty (K1); of those who were well before a change began, nobody is lost
 * to another for longer than a suspicion can last (K2); and who comes back with keys that nobody uses any more is told so (K3).
 */
import type { Fact } from '../../../agent/contract/facts.ts';
import type { Millis } from '../../../base/time.ts';
import { isLeftBehind, nameOf, relieve, tryToJoin } from '../../workload/key-rotations.ts';
import type { Host } from '../../world/host.ts';
import type { Asked } from '../../world/types.ts';
import type { Ground, Law } from '../law.ts';
import type { Wellness } from './answers.ts';

/** A suspicion that nobody confirms, among ten: mult 4, times 6, a probe each second. */
const SUSPICION_WINDOW: Millis = 24_000;
/** Whoever starts is not well for a minute; then it must have been told. */
const RELIEF_AFTER: Millis = 65_000;
const JOIN_TAKES: Millis = 12_000;
const LOOK_EVERY: Millis = 5000;

export class Keyrings implements Law {
  /** Hosts that were left behind, were told, and have got the keys. */
  relieved = 0;
  /** Pairs of hosts looked at. */
  looks = 0;
  readonly #ground: Ground;
  readonly #wellness: Wellness;
  readonly #insists: boolean;
  #begun: Millis | undefined;
  /** Since when the first of a pair has not understood, or not seen, the second. */
  readonly #lost = new Map<string, Millis>();
  readonly #told = new Set<Host>();
  readonly #behind = new Map<Host, { readonly life: number; readonly since: Millis }>();

  /** `insists`: so little is lost that who is left behind must hear why. */
  constructor(ground: Ground, wellness: Wellness, insists: boolean) {
    this.#ground = ground;
    this.#wellness = wellness;
    this.#insists = insists;
    const look = (): void => {
      for (const host of [...ground.world.hosts]) this.#lookAfter(host);
      ground.world.at(ground.world.now + LOOK_EVERY, look);
    };
    ground.world.at(ground.world.now + LOOK_EVERY, look);
  }

  /** A change of keys begins. */
  begun(): void {
    this.#begun = this.#ground.world.now;
  }

  started(host: Host): void {
    this.#told.delete(host);
  }

  fact(host: Host, fact: Fact): void {
    if ((fact.kind === 'packetRejected' || fact.kind === 'streamRejected') && fact.code === 'undecryptable')
      this.#told.add(host);
  }

  swept(host: Host): void {
    const { world, broken } = this.#ground;
    if (host.options.keys === undefined) return;
    if (host.keys.length === 0) broken(`K1 ${host.label} has no key left`);
    const { now } = world;
    for (const other of world.hosts) {
      const pair = `${host.label} ${other.label}`;
      if (other === host || !this.#wasWell(host) || !this.#wasWell(other)) {
        this.#lost.delete(pair);
        continue;
      }
      this.looks += 1;
      const why = this.#why(host, other);
      if (why === undefined) {
        this.#lost.delete(pair);
        continue;
      }
      const since = this.#lost.get(pair) ?? now;
      this.#lost.set(pair, since);
      if (now - since > SUSPICION_WINDOW) {
        broken(`K2 ${host.label} ${why} for ${Math.round(now - since)} ms`);
        this.#lost.set(pair, now);
      }
    }
  }

  /** Trouble is over: whoever is left behind gets the keys at once. */
  relieveAll(): void {
    for (const host of [...this.#ground.world.hosts])
      if (this.#needsRelief(host)) relieve(this.#ground.world, host);
  }

  #why(host: Host, other: Host): string | undefined {
    const primary = nameOf(other.keys[0]);
    if (!host.keys.some((key) => nameOf(key) === primary)) return `has not the key of ${other.label}`;
    const status = host.live.view.member(other.name)?.status;
    return status === 'alive' || status === 'suspect' || status === 'leaving'
      ? undefined
      : `holds ${other.label} as ${status ?? 'unknown'}`;
  }

  #wasWell(host: Host): boolean {
    const since = this.#wellness(host);
    return since !== undefined && since <= (this.#begun ?? Number.NEGATIVE_INFINITY);
  }

  #needsRelief(host: Host): boolean {
    if (!host.running || host.paused || host.options.keys === undefined) return false;
    return !host.live.view.health().leaving && isLeftBehind(this.#ground.world, host);
  }

  #lookAfter(host: Host): void {
    const { world } = this.#ground;
    if (!this.#needsRelief(host)) return void this.#behind.delete(host);
    const held = this.#behind.get(host);
    if (held?.life !== host.lives) {
      this.#behind.set(host, { life: host.lives, since: world.now });
      return;
    }
    if (world.now - held.since < RELIEF_AFTER) return;
    const asked = tryToJoin(world, host);
    const well = this.#wellness(host) !== undefined;
    this.#behind.set(host, { life: host.lives, since: world.now });
    world.at(world.now + JOIN_TAKES, () => {
      if (held.life !== host.lives || !this.#needsRelief(host)) return;
      this.judge(host, asked, well && this.#wellness(host) !== undefined);
      relieve(world, host);
    });
  }

  /** What did its join, or what it could not read, tell whoever looks there? */
  judge(host: Host, { result }: Asked, well: boolean): void {
    const told = this.#told.has(host) || JSON.stringify(result ?? '').includes('a key we do not have');
    if (told) this.relieved += 1;
    else if (well && this.#insists)
      this.#ground.broken(`K3 ${host.label} has keys that nobody uses, and is not told so`);
  }
}
