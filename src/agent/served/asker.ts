/**
 * Asks the agents of the cluster whether they serve what a status is about. All open statuses share their questions: each goes
 * directly to members that are not known to serve one of them, and only to those, again and again until its time is over.
 */

import { WireError } from '../../base/errors.ts';
import type { Millis } from '../../base/time.ts';
import { NEVER } from '../../base/time.ts';
import type { Progress } from '../../catalog/types.ts';
import { CAPABILITY, CAPABILITY_TAG } from '../../model/capability.ts';
import { SERVED_QUERY } from '../../serf/queries/names.ts';
import type { Serf } from '../../serf/serf.ts';
import type { QueryId, QueryReport, SerfEffect, SerfMember } from '../../serf/types.ts';
import {
  decodeServedAnswer,
  encodeServedQuestion,
  MAX_SERVED_ROWS,
  type ServedProgress,
} from '../../wire/served.ts';
import type { Ledgers } from './subjects.ts';
import { reaches, servesAll, type WantedVersion, type Witness } from './verdict.ts';

/** Members that one question goes to, and questions under way: what is sent at once fits the buffers of a socket. */
const BATCH = 64;
const MAX_UNDER_WAY = 4;
const QUESTION_TIMEOUT: Millis = 1000;
/** Pauses before a member that does not serve it yet, or does not answer, is asked again. */
const AGAIN_AFTER: Millis = 100;
const SILENT_AFTER: Millis = 1000;
const MAX_PAUSE: Millis = 8000;
/** Bytes of a question's rows: with its head it fits a datagram that no network cuts. */
const MAX_ROW_BYTES = 640;
const ROW_BYTES = 24;

/** What is known of a member since the first of the open statuses was opened. */
interface Asked {
  /** Another one is another start of the agent, perhaps with an older catalog. */
  incarnation: number;
  spokeAt: Millis | undefined;
  hasAnswered: boolean;
  ignores: boolean;
  waiting: number;
  /** The question that is under way to it. */
  query: QueryId | undefined;
  nextAt: Millis;
  pause: Millis;
  readonly served: Map<string, ServedProgress>;
  readonly held: Map<string, ServedProgress>;
}

interface UnderWay {
  readonly rows: readonly Progress[];
  readonly targets: readonly string[];
  readonly answered: Set<string>;
  acks: number;
  responses: number;
}

export class ServedAsker {
  readonly #serf: Serf;
  readonly #self: string;
  readonly #ledgers: Ledgers;
  readonly #asked = new Map<string, Asked>();
  readonly #underWay = new Map<QueryId, UnderWay>();
  #nextAt: Millis = NEVER;

  constructor(serf: Serf, self: string, ledgers: Ledgers) {
    this.#serf = serf;
    this.#self = self;
    this.#ledgers = ledgers;
  }

  /** When somebody is to be asked again. */
  get deadline(): Millis {
    return this.#nextAt;
  }

  /** No status is open any more: what members said is not kept, since it may become untrue. */
  reset(): void {
    this.#asked.clear();
    this.#nextAt = NEVER;
  }

  /** Asks whoever is due for what of `wanted` it is not known to serve. */
  ask(wanted: readonly WantedVersion[], openedAt: Millis, now: Millis, out: SerfEffect[]): void {
    this.#nextAt = NEVER;
    const due: string[] = [];
    for (const member of this.#serf.view.all()) {
      const asked = this.#stateOf(member, now);
      if (standingOf(member) !== 'up' || asked.query !== undefined) continue;
      if (servesAll(wanted, this.#witness(member, asked, openedAt))) continue;
      if (asked.nextAt <= now) due.push(member.name);
      else this.#nextAt = Math.min(this.#nextAt, asked.nextAt);
    }
    for (let at = 0; at < due.length && this.#underWay.size < MAX_UNDER_WAY; at += BATCH)
      this.#send(due.slice(at, at + BATCH), wanted, now, out);
  }

  /** All members as they stand. `openedAt`: since when those who have not spoken are silent, at least. */
  *witnesses(openedAt: Millis, now: Millis): Iterable<Witness> {
    for (const member of this.#serf.view.all())
      if (member.status !== 'left') yield this.#witness(member, this.#stateOf(member, now), openedAt);
  }

  /** An ack or a response has come to a query of this agent, or its time is over. False: it is no question of this file. */
  onQueryUpdated({ id, acks, responses, finished }: QueryReport, now: Millis): boolean {
    const question = this.#underWay.get(id);
    if (question === undefined) return false;
    for (const name of acks.slice(question.acks)) this.#hear(name, now);
    question.acks = acks.length;
    for (const { from, payload } of responses.slice(question.responses))
      if (question.targets.includes(from)) this.#learn(from, question, payload, now);
    question.responses = responses.length;
    if (finished) this.#end(id, question, new Set(acks), now);
    return true;
  }

  #send(targets: readonly string[], wanted: readonly WantedVersion[], now: Millis, out: SerfEffect[]): void {
    const rows = this.#chooseRows(targets, wanted);
    const query = this.#serf.query(
      {
        ...{ name: SERVED_QUERY, payload: encodeServedQuestion(rows), nodes: [], tags: new Map() },
        ...{ ack: true, relayFactor: 0, timeout: QUESTION_TIMEOUT, directTo: targets, direct: true },
      },
      now,
      out,
      ({ responses }) => targets.every((name) => responses.some(({ from }) => from === name)),
    );
    this.#underWay.set(query.id, { rows, targets, answered: new Set(), acks: 0, responses: 0 });
    for (const name of targets) {
      const asked = this.#asked.get(name);
      if (asked !== undefined) asked.query = query.id;
    }
    this.onQueryUpdated(query, now);
  }

  /** What the targets lack, of each owner the newest, as much as fits. */
  #chooseRows(targets: readonly string[], wanted: readonly WantedVersion[]): Progress[] {
    const newest = new Map<string, WantedVersion>();
    for (const one of wanted) {
      const isLacking = (name: string): boolean =>
        !reaches(this.#asked.get(name)?.served.get(one.owner), one);
      if (reaches(newest.get(one.owner), one) || !targets.some(isLacking)) continue;
      newest.set(one.owner, one);
    }
    let bytes = 0;
    const rows: Progress[] = [];
    for (const { owner, epoch, version } of newest.values()) {
      bytes += ROW_BYTES + 3 * owner.length;
      if (rows.length > 0 && (bytes > MAX_ROW_BYTES || rows.length === MAX_SERVED_ROWS)) break;
      rows.push({ owner, epoch, version });
    }
    return rows;
  }

  #hear(name: string, now: Millis): void {
    const asked = this.#asked.get(name);
    if (asked !== undefined) asked.spokeAt = now;
  }

  #learn(name: string, question: UnderWay, payload: Uint8Array, now: Millis): void {
    const asked = this.#asked.get(name);
    if (asked === undefined) return;
    question.answered.add(name);
    asked.query = undefined;
    asked.spokeAt = now;
    let answer: ReturnType<typeof decodeServedAnswer>;
    try {
      answer = decodeServedAnswer(payload);
    } catch (error) {
      if (error instanceof WireError) return;
      throw error;
    }
    asked.hasAnswered = true;
    asked.ignores = false;
    asked.waiting = answer.waiting;
    asked.nextAt = now + AGAIN_AFTER;
    asked.pause = SILENT_AFTER;
    question.rows.forEach(({ owner }, i) => {
      const row = answer.rows[i];
      if (row === undefined || !this.#isPossible(owner, row)) return;
      asked.held.set(owner, row);
      if (answer.waiting === 0) asked.served.set(owner, row);
    });
  }

  /** Nobody has more of the ledger of this agent than it has written: such a copy was forged. */
  #isPossible(owner: string, row: ServedProgress): boolean {
    const own = this.#ledgers.replicaProgress(owner);
    return owner !== this.#self || own === undefined || reaches(own, row);
  }

  #end(id: QueryId, { targets, answered }: UnderWay, acks: ReadonlySet<string>, now: Millis): void {
    this.#underWay.delete(id);
    for (const name of targets) {
      const asked = this.#asked.get(name);
      if (asked === undefined || answered.has(name)) continue;
      if (asked.query === id) asked.query = undefined;
      asked.ignores = acks.has(name);
      asked.nextAt = now + asked.pause;
      asked.pause = Math.min(MAX_PAUSE, 2 * asked.pause);
    }
  }

  #stateOf({ name, member: { incarnation } }: SerfMember, now: Millis): Asked {
    let asked = this.#asked.get(name);
    if (asked === undefined || asked.incarnation !== incarnation) {
      asked = {
        ...{ incarnation, spokeAt: asked?.spokeAt, hasAnswered: false, ignores: false, waiting: 0 },
        ...{ query: undefined, nextAt: now, pause: SILENT_AFTER, served: new Map(), held: new Map() },
      };
      this.#asked.set(name, asked);
    }
    return asked;
  }

  #witness(held: SerfMember, asked: Asked, openedAt: Millis): Witness {
    const { name, downAt, member } = held;
    const quietSince = member.state === 'alive' ? openedAt : Math.min(openedAt, downAt ?? member.since);
    return {
      ...{ name, standing: standingOf(held), failedAt: downAt ?? 0 },
      spokeAt: name === this.#self ? openedAt : (asked.spokeAt ?? quietSince),
      ...{ ignores: asked.ignores, waiting: asked.waiting, hasAnswered: asked.hasAnswered },
      served: (owner) => asked.served.get(owner),
      held: (owner) => asked.held.get(owner),
    };
  }
}

function standingOf({ status, tags, member }: SerfMember): Witness['standing'] {
  if (tags.get(CAPABILITY_TAG) !== CAPABILITY) return 'serf';
  if (status === 'leaving' || status === 'left') return 'leaving';
  if (status === 'failed') return 'failed';
  return member.absence === undefined ? 'up' : 'away';
}
