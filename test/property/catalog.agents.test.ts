/**
 * Properties of catalogs: three agents write, gossip, run anti-entropy, drop owners and restart, over real bytes.
 * Readers always see what a fresh index would show, and every change of it touches its topic.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchDeltas } from '../../src/catalog/anti-entropy.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { Delta } from '../../src/catalog/types.ts';
import { CatalogIndex, type CatalogTopic } from '../../src/catalog/view.ts';
import type { CheckStatus, EntryWrite } from '../../src/model/service.ts';
import {
  type CatalogMessage,
  decodeCatalog,
  decodeCatalogSnapshot,
  decodeCatalogSummary,
  encodeCatalogSyncRequest,
  encodeCatalogSyncResponse,
  encodeDelta,
  encodeDeltas,
} from '../../src/wire/catalog.ts';
import { acceptResponse, answerRequest } from '../support/anti-entropy.ts';
import { check, service } from '../unit/catalog/values.ts';

const NAMES = ['ann', 'bob', 'cat'] as const;
const IDS = ['web-1', 'web-2', 'db-1'] as const;
const SERVICES = ['web', 'Web', 'db'] as const;
const STATUSES: readonly CheckStatus[] = ['passing', 'warning', 'critical'];

/** As text, whatever the order of the fields. */
const told = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one) ? Object.entries(one).sort() : one,
  );

class Agent {
  readonly name: string;
  readonly members = new Set<string>(NAMES);
  readonly up = new Set<string>();
  readonly topics = new Set<CatalogTopic>();
  catalog: Catalog;
  index: CatalogIndex;
  memory: Uint8Array | undefined;
  seen: ReadonlyMap<string, string>;

  constructor(name: string) {
    this.name = name;
    this.catalog = new Catalog({
      owner: name,
      epoch: 100_000_000,
      canOwn: (owner) => this.members.has(owner),
    });
    this.index = new CatalogIndex(this.catalog);
    for (const member of NAMES) this.setUp(member, true);
    this.seen = this.read(this.index);
  }

  setUp(member: string, up: boolean): void {
    if (up) this.up.add(member);
    else this.up.delete(member);
    this.index.setOwnerUp(member, up, this.topics);
  }

  hear(delta: Delta, now: number): void {
    const { owner, changes } = this.catalog.apply(delta, now);
    this.index.onEntriesChanged(owner, changes, this.topics);
  }

  write(changes: readonly EntryWrite[], now: number): Uint8Array[] {
    const written = this.catalog.publish(changes, now);
    this.index.onEntriesChanged(this.name, written.changes, this.topics);
    return written.rumors.map((rumor) => encodeDelta(rumor.delta).slice());
  }

  drop(member: string): void {
    this.members.delete(member);
    this.up.delete(member);
    this.index.onOwnerDeleted(member, this.catalog.deleteOwner(member), this.topics);
  }

  restart(epoch: number, remembering: boolean): void {
    const memory =
      remembering && this.memory !== undefined ? { memory: decodeCatalogSnapshot(this.memory) } : {};
    const admits = (owner: string): boolean => this.members.has(owner);
    this.catalog = new Catalog({ owner: this.name, epoch, ...memory, canOwn: admits });
    this.index = new CatalogIndex(this.catalog);
    for (const member of this.up) this.index.setOwnerUp(member, true, this.topics);
    this.seen = this.read(this.index);
  }

  /** Everything that can be read, by the topic that must be touched when it changes. */
  read(index: CatalogIndex): ReadonlyMap<string, string> {
    const list = (name: string): string => told([index.instances(name), index.usable(name)]);
    return new Map([
      ['services', told([...index.services()])],
      ['service:web', list('web')],
      ['service:db', list('DB')],
      ...NAMES.map((name) => [`entries:${name}`, told(index.node(name) ?? null)] as const),
      [
        'checks',
        told(
          [...index.nodes()].flatMap((node) => [node.checks, ...node.instances.map((i) => i.checks)].flat()),
        ),
      ],
    ]);
  }

  check(): void {
    for (const owner of this.catalog.consumeConfirmed()) this.index.onOwnerConfirmed(owner, this.topics);
    const now = this.read(this.index);
    const fresh = new CatalogIndex(this.catalog);
    for (const member of this.up) fresh.setOwnerUp(member, true, new Set());
    expect(now).toEqual(this.read(fresh));
    expect(this.index.size).toBe(fresh.size);
    for (const [topic, text] of now)
      if (text !== this.seen.get(topic))
        expect([topic, this.topics.has(topic as CatalogTopic)]).toEqual([topic, true]);
    for (const node of this.index.nodes())
      if (!this.up.has(node.node)) for (const { status } of node.instances) expect(status).toBe('critical');
    this.seen = now;
    this.topics.clear();
  }
}

class World {
  readonly agents = NAMES.map((name) => new Agent(name));
  readonly #said: Uint8Array[] = [];
  #now = 0;
  #epoch = 100_000_000;

  take(step: number): void {
    this.#now += 50;
    const one = this.agents[(step >>> 4) % 3] as Agent;
    const other = this.agents[((step >>> 4) + 1 + ((step >>> 6) % 2)) % 3] as Agent;
    const pick = step >>> 8;
    this.#do(step % 16, one, other, pick);
    one.check();
    other.check();
  }

  #do(what: number, one: Agent, other: Agent, pick: number): void {
    switch (what) {
      case 0:
      case 1:
        return this.#say(one.write(registration(pick), this.#now));
      case 2:
      case 3:
        return this.#say(one.write([checkChange(pick)], this.#now));
      case 4:
        return this.#say(
          one.write([{ remove: `s:${IDS[pick % 3]}` }, { remove: `c:of-${IDS[pick % 3]}` }], this.#now),
        );
      case 5:
      case 6:
      case 7:
        return this.#hear(one, this.#said.at(-1 - (pick % 5)));
      case 8:
        return this.#hear(one, this.#said[pick % Math.max(1, this.#said.length)]);
      case 9:
      case 10:
        return this.exchange(one, other);
      case 11:
        return one.setUp(other.name, one.members.has(other.name) && pick % 2 === 0);
      case 12:
        one.memory = one.catalog.snapshot();
        return;
      case 13:
        this.#now += 2_000_000;
        return one.catalog.reapTombstones(this.#now);
      case 14:
        if (pick % 3 > 0) {
          one.members.add(other.name);
          return;
        }
        return one.drop(other.name);
      case 15:
        return this.#restart(one, pick);
    }
  }

  /** The summaries of one push/pull, and what follows over a stream if they differ. */
  exchange(asker: Agent, answerer: Agent): void {
    const buckets = asker.catalog.differingBuckets(
      decodeCatalogSummary(answerer.catalog.digest.encodedSummary()),
    );
    if (buckets === undefined) return;
    const request = via(
      encodeCatalogSyncRequest(asker.catalog.createSyncRequest(buckets)),
      'catalogSyncRequest',
    );
    const answer = via(
      encodeCatalogSyncResponse(answerRequest(answerer.catalog, request, this.#now)),
      'catalogSyncResponse',
    );
    const accepted = acceptResponse(asker.catalog, answer, this.#now, ({ owner, changes }) =>
      asker.index.onEntriesChanged(owner, changes, asker.topics),
    );
    for (const some of batchDeltas(accepted.deltas))
      for (const delta of via(encodeDeltas(some), 'deltas').deltas) answerer.hear(delta, this.#now);
  }

  calm(): void {
    for (const agent of this.agents)
      for (const name of NAMES) {
        agent.members.add(name);
        agent.setUp(name, true);
      }
    for (let round = 0; round < 4; round++)
      for (const one of this.agents)
        for (const other of this.agents) {
          this.#now += 2000;
          if (one !== other) this.exchange(one, other);
        }
    const [first] = this.agents;
    for (const agent of this.agents) {
      agent.check();
      expect(agent.catalog.digest.encodedSummary()).toEqual(first?.catalog.digest.encodedSummary());
      for (const owner of this.agents)
        expect(agent.seen.get(`entries:${owner.name}`)).toBe(owner.seen.get(`entries:${owner.name}`));
    }
  }

  #say(rumors: readonly Uint8Array[]): void {
    this.#said.push(...rumors);
  }

  #hear(agent: Agent, bytes: Uint8Array | undefined): void {
    if (bytes !== undefined) agent.hear(via(bytes, 'delta'), this.#now);
  }

  #restart(agent: Agent, pick: number): void {
    this.#epoch += 1_001_000; // no two agents start with the same epoch
    const clock = pick % 2 === 0 ? this.#epoch : this.#epoch - 50_000_000; // the clock may have been set back
    agent.restart(clock, pick % 4 > 1);
    this.#say(agent.write(registration(pick >>> 2), this.#now));
  }
}

function via<K extends CatalogMessage['kind']>(
  bytes: Uint8Array,
  kind: K,
): Extract<CatalogMessage, { kind: K }> {
  const message = decodeCatalog(bytes);
  expect(message.kind).toBe(kind);
  return message as Extract<CatalogMessage, { kind: K }>;
}

function registration(pick: number): EntryWrite[] {
  const id = IDS[pick % 3] as string;
  const name = SERVICES[(pick >>> 2) % 3] as string;
  const put = service(id, {
    name,
    port: (pick >>> 4) % 2,
    tags: pick % 5 === 0 ? ['v2'] : [],
    draining: pick % 7 === 0,
  });
  return [{ put }, { put: check(`of-${id}`, id, { status: STATUSES[(pick >>> 5) % 3] as CheckStatus }) }];
}

function checkChange(pick: number): EntryWrite {
  const id = IDS[pick % 3] as string;
  const status = STATUSES[(pick >>> 2) % 3] as CheckStatus;
  const output = pick % 2 === 0 ? 'fine' : 'so so';
  switch ((pick >>> 4) % 4) {
    case 0:
      return { put: check('node', '', { status, output }) };
    case 1:
      return { remove: 'c:node' };
    case 2:
      return { put: check(`_service_maintenance:${id}`, id, { status: 'critical', type: 'maintenance' }) };
    default:
      return { put: check(`of-${id}`, id, { status, output }) };
  }
}

test('three agents agree once the network is quiet, and readers were notified of every change', () => {
  const history = fc.array(fc.integer({ min: 0, max: 0x7fff_ffff }), { size: 'max', maxLength: 60 });
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      for (const step of steps) world.take(step);
      world.calm();
    }),
    { numRuns: 50 },
  );
});
