/**
 * Queries: whoever is not meant does not answer, nobody counts twice, and an answer is what was answered (Q1). Where nothing
 * is lost, an answer given in good time reaches who asked (Q2), and who asked one of ours hears from all who are well that they
 * were reached (Q3).
 */
import { text } from '../../../base/bytes.ts';
import type { Millis } from '../../../base/time.ts';
import type { AskedQuestion, Question } from '../../../serf/types.ts';
import { isMeant } from '../../workload/message-load.ts';
import type { Host } from '../../world/host.ts';
import type { Ground } from '../law.ts';

/** Since when a host has been well; `undefined`: it is not. */
export type Wellness = (host: Host) => Millis | undefined;

interface Asking {
  readonly host: Host;
  readonly life: number;
  readonly at: Millis;
  readonly question: Question;
  readonly asked: AskedQuestion;
  /** By name of the member: what it said, and when. */
  readonly given: Map<string, { readonly answer: string; readonly at: Millis; readonly by: Host }>;
}

/** Before its end an answer must have been given to be owed; also how long after it we look. */
const TRAVEL: Millis = 500;

export class Answers {
  /** Answers, and acks, that came to those who asked. */
  answers = 0;
  acks = 0;
  /** Acks that were owed, and those of them that Serf's gossip did not bring. */
  owedAcks = 0;
  passedOver = 0;
  readonly #ground: Ground;
  readonly #lossless: boolean;
  readonly #wellness: Wellness;
  readonly #asking = new Set<Asking>();

  constructor(ground: Ground, lossless: boolean, wellness: Wellness) {
    this.#ground = ground;
    this.#lossless = lossless;
    this.#wellness = wellness;
  }

  asked(host: Host, question: Question, asked: AskedQuestion): void {
    const { world } = this.#ground;
    const asking = { host, life: host.lives, at: world.now, question, asked, given: new Map() };
    this.#asking.add(asking);
    world.at(world.now + asked.timeout + TRAVEL, () => this.#judge(asking));
  }

  answered(by: Host, query: string, answer: string): void {
    for (const { question, given } of this.#asking)
      if (question.name === query) given.set(by.name, { answer, at: this.#ground.world.now, by });
  }

  #judge(asking: Asking): void {
    this.#asking.delete(asking);
    const { host, life, question, asked, given } = asking;
    if (host.lives !== life || !host.running || host.paused) return;
    const now = host.live.view.question(asked.id);
    const where = `${host.label} asked ${question.name}`;
    const { broken } = this.#ground;
    if (now === undefined) return broken(`Q1 ${where}, and does not know it any more`);
    if (!now.finished) broken(`Q1 ${where}, and still waits`);
    this.acks += now.acks.length;
    this.answers += now.responses.length;
    const members = new Map([...this.#ground.world.hosts].map((one) => [one.name, one]));
    const from = now.responses.map((one) => one.from);
    for (const list of [now.acks, from]) {
      if (new Set(list).size < list.length)
        broken(`Q1 ${where}, and counts somebody twice: ${list.join(' ')}`);
      for (const name of list) {
        const member = members.get(name);
        if (member === undefined || !isMeant(question, member))
          broken(`Q1 ${where}, and ${name} answers, who is not meant`);
      }
    }
    for (const { from: name, payload } of now.responses)
      if (given.get(name)?.answer !== text(payload)) broken(`Q1 ${where}, and ${name} did not answer that`);
    if (this.#lossless) this.#lost(asking, now, where);
  }

  #lost({ host, at, question, asked, given }: Asking, now: AskedQuestion, where: string): void {
    const well = (one: Host): boolean => (this.#wellness(one) ?? Number.POSITIVE_INFINITY) <= at;
    if (!well(host)) return;
    const { broken } = this.#ground;
    for (const [name, { at: when, by }] of given)
      if (well(by) && when < at + asked.timeout - TRAVEL && !now.responses.some(({ from }) => from === name))
        broken(`Q2 ${where}, and the answer of ${name} is lost`);
    for (const one of this.#ground.world.hosts) {
      if (!well(one) || !isMeant(question, one)) continue;
      this.owedAcks += 1;
      if (now.acks.includes(one.name)) continue;
      if (host.options.plain === true) this.passedOver += 1;
      else broken(`Q3 ${where}, and nothing comes from ${one.name}`);
    }
  }
}
