/**
 * Blocking queries: at every host a reader looks at everything all the time. Each change of an answer must come with a
 * higher index (I14) and must have woken whoever waited for it (L4).
 */
import type { Topic } from '../../../agent/contract/view.ts';
import type { Instance, NodeCatalog } from '../../../catalog/types.ts';
import type { SimHost } from '../../world/host.ts';
import type { LawContext } from '../law.ts';
import { canonicalText } from './histories.ts';

interface LastRead {
  index: number;
  answer: readonly AnswerPart[];
}

/** What an answer consists of. The view returns the same object until something changes. */
type AnswerPart = Instance | NodeCatalog | ReadonlyMap<string, readonly string[]> | undefined;

export class BlockingQueryLaws {
  /** By host, then by topic. */
  readonly #lastReads = new Map<string, Map<Topic, LastRead>>();
  readonly #context: LawContext;

  constructor(context: LawContext) {
    this.#context = context;
  }

  resetHost(host: SimHost): void {
    this.#lastReads.delete(host.label);
  }

  /** Called after an input, with the topics that it reported as changed. */
  checkTopics(
    host: SimHost,
    services: Iterable<string>,
    nodes: Iterable<string>,
    topics: readonly Topic[],
  ): void {
    const { catalog } = host.runningAgent.view;
    this.#checkTopic(host, 'services', [catalog.services()], topics);
    for (const name of services)
      this.#checkTopic(
        host,
        `service:${name}`,
        [...catalog.instances(name), undefined, ...catalog.usable(name)],
        topics,
      );
    for (const name of nodes) this.#checkTopic(host, `entries:${name}`, [catalog.node(name)], topics);
  }

  #checkTopic(host: SimHost, topic: Topic, answer: readonly AnswerPart[], topics: readonly Topic[]): void {
    let reads = this.#lastReads.get(host.label);
    if (reads === undefined) {
      reads = new Map();
      this.#lastReads.set(host.label, reads);
    }
    const index = host.runningAgent.view.indexOf([topic]);
    const last = reads.get(topic);
    if (last === undefined) {
      reads.set(topic, { index, answer });
      return;
    }
    const { reportViolation, judged } = this.#context;
    if (index < last.index)
      reportViolation(`I14 at ${host.label} the index of ${topic} fell from ${last.index} to ${index}`);
    if (!isSame(last.answer, answer)) {
      judged('I14');
      judged('L4');
      if (index === last.index)
        reportViolation(`I14 at ${host.label} ${topic} changed and its index stayed at ${index}`);
      if (!topics.includes(topic))
        reportViolation(`L4 at ${host.label} ${topic} changed and woke no blocking query`);
    }
    last.answer = answer;
    last.index = index;
  }
}

const isSame = (a: readonly AnswerPart[], b: readonly AnswerPart[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i] || canonicalPart(one) === canonicalPart(b[i]));

const canonicalParts = new WeakMap<object, string>();

/** Equal exactly for parts that readers cannot tell apart. */
function canonicalPart(part: AnswerPart): string {
  if (part === undefined) return '';
  let text = canonicalParts.get(part);
  if (text === undefined) {
    text =
      'service' in part
        ? formatInstance(part)
        : 'instances' in part
          ? formatNode(part)
          : JSON.stringify([...part]);
    canonicalParts.set(part, text);
  }
  return text;
}

const formatNode = ({ up, unconfirmed, instances, checks }: NodeCatalog): string =>
  [`${up} ${unconfirmed}`, ...instances.map(canonicalPart), '', ...checks.map(canonicalText)].join('\n');

const formatInstance = ({ node, service, checks, nodeChecks, up, status, unconfirmed }: Instance): string =>
  [
    node,
    canonicalText(service),
    ...checks.map(canonicalText),
    ...nodeChecks.map(canonicalText),
    up,
    status,
    unconfirmed,
  ].join(' ');
