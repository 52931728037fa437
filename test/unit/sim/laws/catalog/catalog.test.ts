import { expect, test } from 'vitest';
import type { Fact } from '../../../../../src/agent/contract/facts.ts';
import type { Agent, Effect, Input } from '../../../../../src/agent/contract/machine.ts';
import type { MemberView, Topic, View } from '../../../../../src/agent/contract/view.ts';
import { NEVER } from '../../../../../src/base/time.ts';
import { Catalog } from '../../../../../src/catalog/catalog.ts';
import type { Instance, InstanceStatus, NodeCatalog } from '../../../../../src/catalog/types.ts';
import type { LocalCheck, LocalService } from '../../../../../src/checks/types.ts';
import type { Service } from '../../../../../src/model/service.ts';
import { CatalogLaws, catalogDisagreements } from '../../../../../src/sim/laws/catalog/catalog.ts';
import { World } from '../../../../../src/sim/world/world.ts';
import { encodeDelta } from '../../../../../src/wire/catalog.ts';
import { MESSAGE_TYPE } from '../../../../../src/wire/memberlist.ts';
import { BARE_ENVELOPE, sealPacket } from '../../../../../src/wire/packet.ts';
import { check, service } from '../../../catalog/values.ts';
import { nowhere } from '../../echo-agent.ts';

/** An agent that shows the given entries of each owner, the given indexes, and emits the given effects. */
class ScriptedCatalogAgent implements Agent {
  deadline = NEVER;
  readonly nodes = new Map<string, NodeCatalog>();
  readonly statuses = new Map<string, MemberView['status']>([
    ['ann', 'alive'],
    ['bob', 'alive'],
  ]);
  /** Instances that are served in spite of their status. */
  readonly served = new Map<string, Instance[]>();
  readonly services = new Map<string, LocalService>();
  readonly checks = new Map<string, LocalCheck>();
  readonly lanes = { urgent: 0, catalog: 0 };
  readonly #name: string;
  #indexes = new Map<Topic, number>();
  #next: Effect[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  get view(): View {
    const member = (name: string) =>
      ({
        name,
        state: 'alive',
        status: this.statuses.get(name),
        tags: new Map([['hearsay', '1']]),
      }) as unknown as MemberView;
    const instances = (name: string) =>
      [...this.nodes.values()].flatMap((node) => node.instances.filter((one) => one.service.name === name));
    return {
      node: this.#name,
      self: () => member(this.#name),
      member: (name: string) => (this.statuses.has(name) ? member(name) : undefined),
      members: () => [...this.statuses.keys()].map(member),
      health: () => ({ leaving: false, lanes: this.lanes }),
      indexOf: ([topic]: readonly Topic[]) => this.#indexes.get(topic as Topic) ?? 1,
      local: { services: () => this.services, checks: () => this.checks },
      catalog: {
        services: () => new Map(),
        instances,
        usable: (name: string) =>
          this.served.get(name) ?? instances(name).filter((one) => one.up && one.status === 'passing'),
        node: (name: string) => this.nodes.get(name),
        nodes: () => this.nodes.values(),
        externalNode: () => undefined,
        externalNodes: () => [],
      },
    } as unknown as View;
  }

  show(owner: string, ...instances: Instance[]): void {
    this.nodes.set(owner, { node: owner, up: true, unconfirmed: false, instances, checks: [] });
  }

  raise(topic: Topic, index: number): void {
    this.#indexes.set(topic, index);
  }

  emitNext(...effects: Effect[]): void {
    this.#next.push(...effects);
  }

  handle(_input: Input, _now: number, out: Effect[]): void {
    out.push(...this.#next.splice(0));
  }
}

const instance = (
  node: string,
  what: Service,
  over: { status?: InstanceStatus; up?: boolean; checks?: Instance['checks'] } = {},
): Instance => ({
  node,
  service: what,
  checks: [],
  nodeChecks: [],
  up: true,
  unconfirmed: false,
  status: 'passing',
  ...over,
});

/** Two scripted agents: ann observes bob. */
function pair() {
  const world = new World({ seed: 1, makeAgent: ({ name }) => new ScriptedCatalogAgent(name) });
  const violations: string[] = [];
  new CatalogLaws({
    world,
    reportViolation: (what) => violations.push(what),
    judged: () => {},
    isForged: () => false,
  });
  const agentOf = (label: string): ScriptedCatalogAgent =>
    world.host(label).runningAgent as ScriptedCatalogAgent;
  for (const label of ['ann', 'bob']) {
    world.add(label);
    world.start(label);
  }
  let index = 1;
  /**
   * Sets what a host shows of an owner, with the topics and indexes that belong to it. Returns the ids of the laws
   * violated so far.
   */
  const step = (
    label: string,
    owner: string,
    instances: readonly Instance[],
    ...facts: Fact[]
  ): readonly string[] => {
    agentOf(label).show(owner, ...instances);
    return look(label, owner, ...facts);
  };
  const look = (label: string, owner: string, ...facts: Fact[]): readonly string[] => {
    const topics: Topic[] = [`entries:${owner}`, 'service:web', 'services', 'checks'];
    index += 1;
    for (const topic of topics) agentOf(label).raise(topic, index);
    agentOf(label).emitNext(
      { kind: 'topicsChanged', topics },
      ...facts.map((fact) => ({ kind: 'fact', fact }) as const),
    );
    world.injectDatagram(label, nowhere, new Uint8Array(1));
    return violations.map((what) => what.split(' ')[0] as string);
  };
  return { world, violations, ann: agentOf('ann'), bob: agentOf('bob'), step, look };
}

const one = service('web-1', { port: 1 });
const two = service('web-1', { port: 2 });
const failed: Fact = { kind: 'memberFailed', node: 'bob' };
const left: Fact = { kind: 'memberLeft', node: 'bob' };

test('a copy that lags and catches up violates no law', () => {
  const { world, violations, bob, step } = pair();
  step('bob', 'bob', [instance('bob', one)]);
  step('ann', 'bob', [instance('bob', one)]);
  step('bob', 'bob', [instance('bob', two)]);
  step('bob', 'bob', []);
  step('bob', 'bob', [instance('bob', one)]);
  step('ann', 'bob', [instance('bob', two)]);
  step('ann', 'bob', []);
  step('ann', 'bob', [instance('bob', one)]);
  bob.emitNext({ kind: 'sendPacket', to: world.host('ann').address, packet: rumor('bob') });
  world.injectDatagram('bob', nowhere, new Uint8Array(1));
  world.run(10_000);

  expect(violations).toEqual([]);
  expect(catalogDisagreements(world)).toEqual(['bob publishes web-1 of nothing']);
});

test('I7: an entry that its owner never published', () => {
  const { step } = pair();
  step('bob', 'bob', [instance('bob', one)]);
  expect(step('ann', 'bob', [instance('bob', two)])).toEqual(['I7']);
});

test('I7: an entry that goes back to an earlier value', () => {
  const { step } = pair();
  for (const what of [one, two]) {
    step('bob', 'bob', [instance('bob', what)]);
    expect(step('ann', 'bob', [instance('bob', what)])).toEqual([]);
  }
  expect(step('ann', 'bob', [instance('bob', one)])).toEqual(['I7']);
});

test('I7: a lost entry that its owner never removed; none if the owner left', () => {
  const lost = pair();
  lost.step('bob', 'bob', [instance('bob', one)]);
  lost.step('ann', 'bob', [instance('bob', one)]);
  expect(lost.step('ann', 'bob', [])).toEqual(['I7']);

  const dropped = pair();
  dropped.step('bob', 'bob', [instance('bob', one)]);
  dropped.step('ann', 'bob', [instance('bob', one)]);
  dropped.ann.statuses.set('bob', 'left');
  expect(dropped.step('ann', 'bob', [], left)).toEqual([]);
  dropped.ann.statuses.set('bob', 'alive');
  expect(dropped.step('ann', 'bob', [instance('bob', one)])).toEqual([]);
});

test('I8: a removed entry that comes back', () => {
  const { step } = pair();
  for (const shown of [[instance('bob', one)], []]) {
    step('bob', 'bob', shown);
    expect(step('ann', 'bob', shown)).toEqual([]);
  }
  expect(step('ann', 'bob', [instance('bob', one)])).toEqual(['I8']);
});

test('I8: an owner that restarts without data has removed everything', () => {
  const { world, step } = pair();
  step('bob', 'bob', [instance('bob', one)]);
  step('ann', 'bob', [instance('bob', one)]);
  world.stop('bob');
  world.start('bob');
  expect(step('ann', 'bob', [])).toEqual([]);
  expect(step('ann', 'bob', [instance('bob', one)])).toEqual(['I8']);
});

test('I9: the services of a failed owner that are served or up', () => {
  const { ann, step } = pair();
  step('bob', 'bob', [instance('bob', one)]);
  ann.statuses.set('bob', 'failed');
  expect(step('ann', 'bob', [instance('bob', one)], failed)).toContain('I9');

  const served = pair();
  served.step('bob', 'bob', [instance('bob', one)]);
  served.ann.statuses.set('bob', 'failed');
  const dead = instance('bob', one, { up: false, status: 'critical' });
  expect(served.step('ann', 'bob', [dead], failed)).toEqual([]);
  served.ann.served.set('web', [dead]);
  expect(served.step('ann', 'bob', [dead])).toEqual(['I9']);
});

test.each<[string, Instance]>([
  ['is held for down', instance('bob', one, { up: false, status: 'critical' })],
  [
    'passes despite a critical check',
    instance('bob', one, { checks: [check('c', 'web-1', { status: 'critical' })] }),
  ],
  ['passes though it drains', instance('bob', service('web-1', { draining: true }))],
])('I9: an instance of a live owner that %s', (_what, shown) => {
  const { ann, step } = pair();
  step('bob', 'bob', [instance('bob', shown.service, { checks: shown.checks, status: 'critical' })]);
  ann.served.set('web', [shown]);
  expect(step('ann', 'bob', [shown])).toContain('I9');
});

test('I9: an instance that passes and is not served', () => {
  const { ann, step } = pair();
  step('bob', 'bob', [instance('bob', one)]);
  ann.served.set('web', []);
  expect(step('ann', 'bob', [instance('bob', one)])).toEqual(['I9']);
});

test('I12: changes that are not sent', () => {
  const { world, violations, step } = pair();
  step('bob', 'bob', [instance('bob', one)]);
  world.run(10_000);
  expect(violations.map((what) => what.split(' ').slice(0, 2).join(' '))).toEqual(['I12 bob']);
});

test('I12: a change that leaves in the very input that made it has been sent, the next one has not', () => {
  const { world, violations, bob, step } = pair();
  bob.emitNext({ kind: 'sendPacket', to: world.host('ann').address, packet: rumor('bob') });
  step('bob', 'bob', [instance('bob', one)]);
  world.run(10_000);
  expect(violations).toEqual([]);
  step('bob', 'bob', [instance('bob', two)]);
  world.run(10_000);
  expect(violations.map((what) => what.split(' ').slice(0, 2).join(' '))).toEqual(['I12 bob']);
});

test('I14: an answer that changes while its index stays, or an index that falls', () => {
  const { ann, world, violations, step } = pair();
  step('bob', 'bob', [instance('bob', one)]);
  step('ann', 'bob', [instance('bob', one)]);
  step('bob', 'bob', [instance('bob', two)]);
  ann.show('bob', instance('bob', two));
  ann.emitNext({ kind: 'topicsChanged', topics: ['entries:bob', 'service:web'] });
  world.injectDatagram('ann', nowhere, new Uint8Array(1));
  expect(violations.map((what) => what.split(' ')[0])).toEqual(['I14', 'I14']);

  ann.raise('service:web', 1);
  world.run(1000);
  expect(violations.slice(2).join()).toContain('the index of service:web fell');
});

test('L4: a change that wakes no blocking query', () => {
  const { ann, world, violations, step } = pair();
  step('bob', 'bob', [instance('bob', one)]);
  step('ann', 'bob', [instance('bob', one)]);
  step('bob', 'bob', [instance('bob', two)]);
  ann.show('bob', instance('bob', two));
  for (const topic of ['entries:bob', 'service:web'] as const) ann.raise(topic, 1000);
  world.run(1000);
  expect(violations.map((what) => what.split(' ')[0])).toEqual(['L4', 'L4']);
});

test('P64: a catalog message to a Serf peer', () => {
  const { world, violations, bob } = pair();
  world.add('eve', { serfPeer: true });
  world.start('eve');
  bob.emitNext({ kind: 'sendPacket', to: world.host('eve').address, packet: rumor('bob') });
  world.injectDatagram('bob', nowhere, new Uint8Array(1));
  expect(violations).toEqual(['P64 bob sent eve, a Serf peer, a catalog message of type 200']);
});

test('L3: what is shown and not published, what is served of the dead, and what is left to send', () => {
  const { world, ann, bob } = pair();
  bob.show('bob', instance('bob', one));
  ann.show('bob', instance('bob', two));
  ann.show('eve', instance('eve', one));
  bob.lanes.urgent = 2;
  bob.checks.set('c', { status: 'passing' } as unknown as LocalCheck);
  expect(catalogDisagreements(world)).toEqual([
    'bob publishes web-1 of nothing',
    'bob does not publish its check c',
    'ann does not show what bob publishes',
    'bob has 2 messages of the catalog left to send',
    'ann serves web-1 of eve, which does not run',
  ]);
});

/** A packet with a gossiped delta of the owner. */
function rumor(owner: string): Uint8Array {
  const catalog = new Catalog({ owner, epoch: 1, canOwn: () => true });
  const delta = catalog.publish([{ put: one }], 0).rumors[0]?.delta;
  if (delta === undefined) throw new Error('nothing was written');
  const message = Uint8Array.of(MESSAGE_TYPE.user, ...encodeDelta(delta));
  return sealPacket([message], BARE_ENVELOPE, { crc: false, nonce: () => new Uint8Array(12) });
}
