/**
 * A reader at every host who asks for everything all the time: each change of an answer must come with a higher index
 * (I14) and must have woken whoever waited for it (L4).
 */
import type { Topic } from '../../../agent/contract/view.ts';
import type { Instance, NodeCatalog } from '../../../catalog/types.ts';
import type { Host } from '../../world/host.ts';
import { textOf } from './histories.ts';

interface Read {
  index: number;
  answer: readonly Part[];
}

/** What an answer is made of; the view gives the same object until something changes. */
type Part = Instance | NodeCatalog | ReadonlyMap<string, readonly string[]> | undefined;

export class Readers {
  /** By host, then by topic. */
  readonly #reads = new Map<string, Map<Topic, Read>>();
  readonly #broken: (what: string) => void;

  constructor(broken: (what: string) => void) {
    this.#broken = broken;
  }

  begin(host: Host): void {
    this.#reads.delete(host.label);
  }

  /** After an input, with the topics it said have changed. */
  read(host: Host, services: Iterable<string>, nodes: Iterable<string>, topics: readonly Topic[]): void {
    const { catalog } = host.live.view;
    this.#one(host, 'services', [catalog.services()], topics);
    for (const name of services)
      this.#one(
        host,
        `service:${name}`,
        [...catalog.instances(name), undefined, ...catalog.usable(name)],
        topics,
      );
    for (const name of nodes) this.#one(host, `entries:${name}`, [catalog.node(name)], topics);
  }

  #one(host: Host, topic: Topic, answer: readonly Part[], topics: readonly Topic[]): void {
    let reads = this.#reads.get(host.label);
    if (reads === undefined) {
      reads = new Map();
      this.#reads.set(host.label, reads);
    }
    const index = host.live.view.indexOf([topic]);
    const last = reads.get(topic);
    if (last === undefined) {
      reads.set(topic, { index, answer });
      return;
    }
    if (index < last.index)
      this.#broken(`I14 at ${host.label} the index of ${topic} fell from ${last.index} to ${index}`);
    if (!isSame(last.answer, answer)) {
      if (index === last.index)
        this.#broken(`I14 at ${host.label} ${topic} changed and its index stayed at ${index}`);
      if (!topics.includes(topic))
        this.#broken(`L4 at ${host.label} ${topic} changed and woke nobody who waited`);
    }
    last.answer = answer;
    last.index = index;
  }
}

const isSame = (a: readonly Part[], b: readonly Part[]): boolean =>
  a.length === b.length && a.every((one, i) => one === b[i] || wordsOf(one) === wordsOf(b[i]));

const words = new WeakMap<object, string>();

/** Equal exactly for what a reader cannot tell apart. */
function wordsOf(part: Part): string {
  if (part === undefined) return '';
  let text = words.get(part);
  if (text === undefined) {
    text =
      'service' in part ? ofInstance(part) : 'instances' in part ? ofNode(part) : JSON.stringify([...part]);
    words.set(part, text);
  }
  return text;
}

const ofNode = ({ up, warm, instances, checks }: NodeCatalog): string =>
  [`${up} ${warm}`, ...instances.map(wordsOf), '', ...checks.map(textOf)].join('\n');

const ofInstance = ({ node, service, checks, nodeChecks, up, status, warm }: Instance): string =>
  [node, textOf(service), ...checks.map(textOf), ...nodeChecks.map(textOf), up, status, warm].join(' ');
